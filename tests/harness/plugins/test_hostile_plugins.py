"""Plugins that raise, or end the process, at each of their hooks: the others, and every command, go on without them."""

from __future__ import annotations

import textwrap
from importlib.metadata import EntryPoint, entry_points

import pytest

from fashionbench.cli.main import main
from fashionbench.errors import UnknownNameError
from fashionbench.plugins import manager
from fashionbench.plugins.manager import Plugins

BODIES = {"raises": "raise ValueError('not today')", "exits": "raise SystemExit(7)"}
SIGNATURES = {
    "register_tasks": "", "register_backends": "", "register_boards": "", "register_commands": "group",
    "describe_backend": "address, options", "collect_provenance": "", "on_run_start": "event", "on_cell_end": "event",
    "check_data_policy": "backend, dataset",
}  # fmt: skip


@pytest.fixture
def with_plugin(tmp_path, monkeypatch):
    """Make a plugin of a source text, and let every manager find it beside ours."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def install(name, source):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        points = [*entry_points(group="fashionbench"), EntryPoint("hostile", name, "fashionbench")]
        monkeypatch.setattr(manager, "entry_points", lambda group: points)

    return install


@pytest.mark.parametrize("body", BODIES)
def test_a_plugin_that_fails_when_it_is_imported(body, with_plugin, capsys):
    with_plugin(f"imported_{body}", BODIES[body])
    assert main(["list", "tasks"]) == 0
    said = capsys.readouterr()
    assert "plugin hostile of unknown 0 was left out" in said.err
    assert "wardrobe/text-to-image" in said.out


@pytest.mark.parametrize("hook", SIGNATURES)
@pytest.mark.parametrize("body", BODIES)
def test_a_plugin_that_fails_in_a_hook(body, hook, with_plugin, tmp_path, capsys):
    with_plugin(
        f"{hook}_{body}",
        f"""
        from fashionbench.plugins.hookspecs import hookimpl

        FASHIONBENCH_API = (1, 0)

        @hookimpl
        def {hook}({SIGNATURES[hook]}):
            {BODIES[body]}
        """,
    )
    assert main(["--help"]) == 0
    run = ["run", "--task", "wardrobe/image-to-image", "--limit", "3", "--store", str(tmp_path / "store")]
    assert main([*run, "--backend", "control/random"]) == 0
    assert main(["plugins"]) == 0
    capsys.readouterr()
    if hook == "describe_backend":
        assert main([*run, "--backend", "nowhere:thing"]) == 2
        said = capsys.readouterr().err
        assert f"describe_backend of plugin unknown:hostile (unknown 0) failed: {'ValueError' if body == 'raises' else 'SystemExit'}" in said  # fmt: skip
        assert "unknown backend 'nowhere:thing'" in said


def test_an_address_is_left_to_the_next_plugin_where_one_answers_rubbish(with_plugin):
    with_plugin(
        "rubbish",
        """
        from fashionbench.plugins.hookspecs import hookimpl

        FASHIONBENCH_API = (1, 0)

        @hookimpl
        def describe_backend(address, options):
            return 42
        """,
    )
    with pytest.raises(UnknownNameError):
        Plugins().describe_backend("nowhere:thing", {})
