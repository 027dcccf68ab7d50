"""A command run in this process, with the toy plugin."""

from __future__ import annotations

import pytest

from fashionbench.cli import options
from fashionbench.cli.main import main


@pytest.fixture
def cli(plugins, monkeypatch, tmp_path, capsys):
    """Run a command with the toy plugin; gives back exit code, output and errors."""
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FASHIONBENCH_STORE", raising=False)

    def call(*words):
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return call
