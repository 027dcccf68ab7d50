"""Plugins that raise, or end the process, at each of their hooks: the others, and every command, go on without them."""

from __future__ import annotations

import json
import locale
import os
import random
import signal
import subprocess
import sys
import textwrap
import warnings
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import numpy as np
import pytest

from fashionbench.cli.main import main
from fashionbench.errors import PluginError, UnknownNameError
from fashionbench.plugins import manager
from fashionbench.plugins.hookspecs import Providers
from fashionbench.plugins.manager import Plugins
from fashionbench.specs import ReporterSpec

BODIES = {"raises": "raise ValueError('not today')", "exits": "raise SystemExit(7)"}
#: The text of the last one raises.
ODD_BODIES = {
    "interrupts": "raise KeyboardInterrupt", "ends": "raise GeneratorExit('over')",
    "mute": "raise type('Mute', (Exception,), {'__str__': lambda self: 1 / 0, '__repr__': lambda self: 1 / 0})",
}  # fmt: skip
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


@pytest.mark.parametrize("body", BODIES | ODD_BODIES)
def test_a_plugin_that_fails_when_it_is_imported(body, with_plugin, capsys):
    with_plugin(f"imported_{body}", (BODIES | ODD_BODIES)[body])
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


def test_a_plugin_whose_errors_have_no_text_is_named_like_others(with_plugin, tmp_path, capsys):
    hooks = "".join(f"@hookimpl\ndef {hook}({given}): {ODD_BODIES['mute']}\n" for hook, given in SIGNATURES.items())
    with_plugin("mute_hooks", f"{HEAD}{hooks}")
    run = ["run", "--task", "wardrobe/image-to-image", "--limit", "3", "--store", str(tmp_path / "store")]
    assert main([*run, "--backend", "control/random"]) == 0
    assert main(["--help"]) == 0
    assert "on_run_start of plugin unknown:hostile (unknown 0) failed: Mute" in capsys.readouterr().err


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


HEAD = """
from fashionbench.plugins.hookspecs import hookimpl

FASHIONBENCH_API = (1, 0)
"""


@pytest.mark.parametrize(
    "hook", [name for name in vars(Providers) if name.startswith("register_") and name != "register_commands"]
)
@pytest.mark.parametrize(
    "body",
    [
        *ODD_BODIES.values(),
        "return 42",
        "return None",
        "return [None, 7, 'x', object()]",
        "yield 1; raise OSError('x')",
    ],
)
def test_rubbish_from_a_providing_hook_costs_that_plugin_alone(hook, body, with_plugin, request):
    with_plugin(
        f"provides_{abs(hash((hook, body)))}", f"{HEAD}\n@hookimpl\ndef {hook}():\n    {body}\n"
    )  # fmt: skip
    found = Plugins()
    _ = found.references
    (report,) = found.failures
    assert report.origin.name == "hostile"
    assert hook in report.error
    assert "wardrobe/text-to-image" in found.tasks and "baseline/pocket-lit" in found.backends


def test_a_plugin_that_hangs_when_it_is_imported_is_ended_and_named(with_plugin, monkeypatch, capsys):
    monkeypatch.setenv("FASHIONBENCH_PLUGIN_SECONDS", "0.2")
    with_plugin("hangs", "import time\ntry:\n    time.sleep(60)\nexcept Exception:\n    time.sleep(60)\n")
    assert main(["list", "tasks"]) == 0
    said = capsys.readouterr()
    assert "plugin hostile" in said.err and "took more than 0.2 s" in said.err
    assert "FASHIONBENCH_BLOCK_PLUGINS=hostile" in said.err
    assert "wardrobe/text-to-image" in said.out


def test_global_state_that_a_plugin_changes_is_put_back_and_named(with_plugin, tmp_path, monkeypatch, capsys):
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with_plugin(
        "changes",
        f"""
        import os, random, signal, sys, warnings, locale, numpy, torch
        os.chdir("elsewhere")
        os.umask(0o777)
        sys.setrecursionlimit(sys.getrecursionlimit() + 7)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        numpy.seterr(all="raise")
        torch.set_grad_enabled(False)
        sys.stderr = open(os.devnull, "w")
        random.seed(7); numpy.random.seed(7)
        warnings.simplefilter("ignore")
        torch.set_default_dtype(torch.float64)
        locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C")
        {HEAD.strip().replace(chr(10), chr(10) + 8 * " ")}
        """,
    )
    umask = (tmp_path / "before").touch() or (tmp_path / "before").stat().st_mode
    others = [sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM), np.geterr(), torch.is_grad_enabled()]
    before = (
        Path.cwd(),
        random.getstate(),
        list(warnings.filters),
        torch.get_default_dtype(),
        locale.setlocale(locale.LC_ALL),
    )
    numbers = np.random.get_state()  # noqa: NPY002
    assert main(["list", "boards"]) == 0
    after = (
        Path.cwd(),
        random.getstate(),
        list(warnings.filters),
        torch.get_default_dtype(),
        locale.setlocale(locale.LC_ALL),
    )
    assert before == after
    assert (np.random.get_state()[1] == numbers[1]).all()  # noqa: NPY002
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "hostile" in line]
    for what in (
        "working folder", "locale", "filters of warnings", "default type", "random numbers", "umask", "recursion",
        "SIGTERM", "numpy does with errors", "gradients", "standard error",
    ):  # fmt: skip
        assert what in line
    (tmp_path / "after").touch()
    assert (tmp_path / "after").stat().st_mode == umask
    assert others == [sys.getrecursionlimit(), signal.getsignal(signal.SIGTERM), np.geterr(), torch.is_grad_enabled()]


@pytest.mark.parametrize("hook", ["register_commands", "collect_provenance", "on_run_start", "check_data_policy"])
def test_a_plugin_that_hangs_in_any_hook_is_ended_and_named(hook, with_plugin, tmp_path, monkeypatch, capsys):
    with_plugin(
        f"hangs_{hook}", f"{HEAD}\n@hookimpl\ndef {hook}({SIGNATURES[hook]}):\n    import time\n    time.sleep(60)\n"
    )
    monkeypatch.setenv("FASHIONBENCH_PLUGIN_SECONDS", "0.2")
    run = ["run", "--task", "wardrobe/image-to-image", "--limit", "3", "--store", str(tmp_path / "store")]
    assert main(["--help"] if hook == "register_commands" else [*run, "--backend", "control/random"]) == 0
    assert f"{hook} of plugin unknown:hostile (unknown 0) failed: PluginTimeout" in capsys.readouterr().err


def test_a_hook_that_gives_without_end_is_named(with_plugin, capsys):
    with_plugin(
        "endless",
        f"{HEAD}\n@hookimpl\ndef register_backends():\n    import itertools\n    return itertools.repeat(1)\n",
    )
    assert main(["list", "boards"]) == 0
    assert "it gave more than 100,000 objects" in capsys.readouterr().err


def test_a_command_of_a_plugin_is_called_and_described_in_plain_text_and_blamed_for_its_arguments(with_plugin, capsys):
    with_plugin(
        "odd_commands",
        f"""
        import click
        {HEAD.strip().replace(chr(10), chr(10) + 8 * " ")}

        @hookimpl
        def register_commands(group):
            group.add_command(click.Command("\x1b[31mred"))
            group.add_command(click.Command("painted", short_help="\x1b]0;title\x07 words"))
            group.add_command(click.Command("greedy", params=[click.Argument(["a"], nargs=-1), click.Argument(["b"], nargs=-1)]))
        """,
    )
    assert main(["--help"]) == 0
    said = capsys.readouterr()
    assert "painted" in said.out and "words" in said.out
    assert not {"\x1b", "\x07"} & {*said.out, *said.err}
    assert "for the command '\\x1b[31mred'" in said.err
    assert main(["greedy", "1"]) == 2
    assert "error: the command greedy, which a plugin brings, failed" in capsys.readouterr().err


def test_an_observer_that_moves_elsewhere_moves_nobody_else(with_plugin, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with_plugin("moves", f"{HEAD}\n@hookimpl\ndef on_run_start(event):\n    import os\n    os.chdir('/')\n")
    run = [
        "run",
        "--task",
        "wardrobe/image-to-image",
        "--limit",
        "3",
        "--store",
        "store",
        "--backend",
        "control/random",
    ]
    assert main(run) == 0
    assert (tmp_path / "store" / "records").is_dir()
    assert (
        "on_run_start of plugin unknown:hostile (unknown 0) changed the working folder, which was put back"
        in capsys.readouterr().err
    )


def test_commands_of_plugins_take_no_place_of_ours_and_fail_as_their_own(with_plugin, capsys):
    with_plugin(
        "commands",
        f"""
        import click
        {HEAD.strip().replace(chr(10), chr(10) + 8 * " ")}

        @hookimpl
        def register_commands(group):
            def breaks():
                raise ZeroDivisionError("no")
            group.add_command(click.Command("breaks", callback=breaks))
            group.add_command(click.Command("leaves", callback=lambda: 99))
            group.add_command(click.Command("list", callback=breaks))
            group.commands["rubbish"] = 7
        """,
    )
    assert main(["breaks"]) == 2
    said = capsys.readouterr().err
    assert "error: the command breaks, which a plugin brings, failed: ZeroDivisionError: no" in said
    assert "a plugin has a command list, which is ours and stays" in said
    assert main(["leaves"]) == 1
    assert main(["--help"]) == 0
    assert main(["list", "boards"]) == 0


def test_prints_of_plugins_spoil_no_json(with_plugin, capfd):
    with_plugin(
        "prints",
        f"import os\nprint('hello')\nos.write(1, b'from C\\n')\n{HEAD}\n@hookimpl\ndef register_tasks():\n    print('tasks')\n    return []\n",
    )
    program = "import sys; from fashionbench.cli.main import main; sys.exit(main())"
    points = "from fashionbench.plugins import manager; from importlib.metadata import EntryPoint, entry_points; found = [*entry_points(group='fashionbench'), EntryPoint('hostile', 'prints', 'fashionbench')]; manager.entry_points = lambda group: found"
    done = subprocess.run(
        [sys.executable, "-c", f"{points}\n{program}", "list", "boards", "--json"],
        capture_output=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
    )
    assert {row["id"] for row in json.loads(done.stdout)} >= {"quickstart"}
    assert {b"hello", b"tasks"} <= set(done.stderr.split()) and b"from C" in done.stderr


REPORTERS = (
    HEAD
    + """
from fashionbench.specs import ReporterSpec

def breaks(board):
    raise LookupError("no")

def rubbish(board):
    return 7

@hookimpl
def register_reporters():
    return [ReporterSpec(id=name, summary="", target=f"{__name__}:{name}", suffix=name) for name in ("breaks", "rubbish")]
"""
)


def test_formats_that_fail_cost_no_other_format(with_plugin, tmp_path, capsys):
    with_plugin("reports", REPORTERS)
    store = str(tmp_path / "store")
    run = ["run", "--task", "wardrobe/image-to-image", "--limit", "3", "--store", store, "--backend", "control/random"]
    assert main(run) == 0
    said = capsys.readouterr()
    assert "reporter breaks of unknown 0 failed: LookupError: no" in said.err
    assert "reporter rubbish of unknown 0 gave int instead of str" in said.err
    assert {path.suffix for path in (tmp_path / "store" / "boards").iterdir()} >= {".md", ".html", ".csv", ".json"}
    for name in ("breaks", "rubbish"):
        assert main(["board", "quickstart", "--format", name, "--store", store]) == 2
        assert f"error: reporter {name} of unknown 0" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["", "../x", "/etc/x", "a/b", ".", "md\n", "x" * 40])
def test_a_suffix_that_leaves_the_folder_is_no_suffix(suffix):
    with pytest.raises(PluginError, match="has the suffix"):
        ReporterSpec(id="r", summary="", target="a:b", suffix=suffix)
