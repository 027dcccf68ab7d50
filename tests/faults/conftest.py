"""A folder full of what can be wrong with files, to stand in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hostile_files import fill

from fashionbench.cli import options
from fashionbench.plugins.manager import Plugins

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def hostile_folder(tmp_path_factory: pytest.TempPathFactory, entry_points_with_toy) -> Path:
    """Made once; tests that write work elsewhere."""
    folder = tmp_path_factory.mktemp("faults") / "one" / "two"
    fill(folder, Plugins(strict=True, points=entry_points_with_toy))
    return folder


@pytest.fixture
def hostile(hostile_folder, plugins, monkeypatch) -> Path:
    """Stand in that folder, with the toy plugin."""
    monkeypatch.setattr(options.State, "plugins", property(lambda self: plugins))
    monkeypatch.chdir(hostile_folder)
    monkeypatch.setenv("FASHIONBENCH_STORE", "store")
    return hostile_folder
