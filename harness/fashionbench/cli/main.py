"""``fashionbench``: the group of commands, and what becomes of errors."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fashionbench import terminal
from fashionbench.cli.ablate import ablate
from fashionbench.cli.audit import audit
from fashionbench.cli.board import board
from fashionbench.cli.cache import cache
from fashionbench.cli.compare import compare
from fashionbench.cli.data import data
from fashionbench.cli.diagnose import diagnose
from fashionbench.cli.doctor import doctor
from fashionbench.cli.export import export
from fashionbench.cli.gate import gate
from fashionbench.cli.items import items
from fashionbench.cli.list import list_
from fashionbench.cli.options import State
from fashionbench.cli.plan import plan
from fashionbench.cli.plugins import plugins
from fashionbench.cli.publish import publish
from fashionbench.cli.records import records
from fashionbench.cli.rescore import rescore
from fashionbench.cli.run import run
from fashionbench.cli.score import score
from fashionbench.cli.sensitivity import sensitivity
from fashionbench.cli.shortcuts import shortcuts
from fashionbench.cli.show import show
from fashionbench.cli.train import train
from fashionbench.errors import FashionBenchError, PluginError, as_error, message_of, text_of
from fashionbench.files import disk_fault
from fashionbench.interrupts import is_asked, watched
from fashionbench.terminal import echo, shown

if TYPE_CHECKING:
    from collections.abc import Callable

EXAMPLES = """
\b
Examples:
  fashionbench run quickstart              run the built-in board and print it
  fashionbench run quickstart --dry-run    say what would be run
  fashionbench run --task 'wardrobe/*' --backend control/random --limit 10
  fashionbench list backends               what can be run
  fashionbench train unifashion-tiny       train a model on generated data
  fashionbench show wardrobe/text-to-image how a task is measured
  fashionbench board quickstart --format html --output board.html
  fashionbench compare baseline/pocket-lit unifashion-quick
  fashionbench doctor                      what is missing, and what that disables
"""


#: Begins the message of an error that no code foresaw.
UNFORESEEN = "unforeseen:"


class Group(click.Group):
    """A group whose unknown commands are looked for in the plugins."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List our commands and those of the plugins."""
        self._load(ctx)
        return sorted(self.commands)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command; plugins are loaded only where it is not ours."""
        if cmd_name not in self.commands:
            self._load(ctx)
        return super().get_command(ctx, cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a command line, and name the nearest where there is none."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, self.commands, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """Return the help text without what a terminal would obey, for plugins describe their own commands."""
        return shown(super().get_help(ctx))

    def _load(self, ctx: click.Context) -> None:
        if ctx.meta.get("fashionbench.plugin_commands"):
            return
        ctx.meta["fashionbench.plugin_commands"] = True
        state = ctx.obj if isinstance(ctx.obj, State) else State(strict=False)
        ours = dict(self.commands)
        with terminal.foreign_output():
            # As an event: a plugin that raises here costs its own commands alone.
            state.plugins.notify("register_commands", self)
        for name, command in list(self.commands.items()):
            if name in ours and command is not ours[name]:
                echo(f"warning: a plugin has a command {name}, which is ours and stays", err=True)
            elif name not in ours and not (_is_name(name) and isinstance(command, click.Command)):
                echo(f"warning: a plugin gave {type(command).__name__} for the command {name!r}", err=True)
                del self.commands[name]
            elif name not in ours:
                _blamed(command)
        self.commands.update(ours)


@click.group(cls=Group, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fashionbench")
@click.option("--strict-plugins", is_flag=True, help="Stop at the first plugin that cannot be loaded.")
@click.option("--traceback", is_flag=True, help="Show where an error was raised.")
@click.pass_context
def group(ctx: click.Context, *, strict_plugins: bool, traceback: bool) -> None:
    """Evaluate multimodal fashion models, and show a number only beside numbers measured the same way."""
    ctx.obj = State(strict=strict_plugins)
    ctx.meta["fashionbench.traceback"] = traceback


def _is_name(name: object) -> bool:
    """Tell whether a command can be called so: a word that a terminal shows as it is."""
    return isinstance(name, str) and name.isprintable() and name[:1] not in {"", "-"} and " " not in name


def _blamed(command: click.Command) -> None:
    """Say of what a plugin's command raises that it is the plugin's, also where it is a group of commands."""
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _blamed(inner)
    for part in ("callback", "make_context"):
        work = getattr(command, part)
        if work is not None:
            setattr(command, part, _blaming(command, work))


def _blaming(command: click.Command, work: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(work)
    def run_blamed(*arguments: Any, **options: Any) -> Any:
        try:
            return work(*arguments, **options)
        except (FashionBenchError, OSError, click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except BaseException as error:
            as_error(error)
            msg = f"the command {command.name}, which a plugin brings, failed: {type(error).__name__}: {text_of(error)}"
            raise PluginError(msg, remedy="--traceback shows where; tell its author") from error

    return run_blamed


def _apart(command: click.Command) -> click.Command:
    """Let nothing but the command itself print on standard output while it runs."""
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        _apart(inner)
    work = command.callback
    if work is not None:

        @functools.wraps(work)
        def run_apart(*arguments: Any, **options: Any) -> Any:
            with terminal.foreign_output():
                return work(*arguments, **options)

        command.callback = run_apart
    return command


_COMMANDS = (
    ablate, audit, board, cache, compare, data, diagnose, doctor, export, gate, items, list_, plan, plugins, publish,
    records, rescore, run, score, sensitivity, shortcuts, show, train,
)  # fmt: skip
for command in _COMMANDS:
    group.add_command(_apart(command))


#: All that a command may end with.
_CODES = frozenset({0, 1, 2, 3, 130})


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 all is well; 1 a cell failed, or something cannot be used; 2 the command cannot be carried out; 3 a gate cannot be
    judged; 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    terminal.tolerate_streams()
    with watched():
        code = _run(words)
    return code if code in _CODES else 1


def _run(words: list[str]) -> int:
    if any("\0" in word for word in words):
        _complain("an argument holds a NUL character", "no path and no name has one")
        return 2
    try:
        code = group.main(words, prog_name="fashionbench", standalone_mode=False)
    except BaseException as error:
        ended = _ended(error, words)
        if ended is None:
            if "--traceback" in words:
                raise
            _complain_of(error, words)
        return 2 if ended is None else ended
    return code if isinstance(code, int) else 0


def _ended(error: BaseException, words: list[str]) -> int | None:
    """Return the exit code of an ending that is no fault, or a wrong command line; None for every other."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            _complain_of_usage(error)
            return error.exit_code
        case click.Abort():
            return _interrupted(words)
        case KeyboardInterrupt():
            return _interrupted(words) if is_asked() else None
        case terminal.ClosedOutputError():
            return _closed()
        case BrokenPipeError() if _raised_by_click(error):  # of a help text
            return _closed()
    return None


def _interrupted(words: list[str]) -> int:
    kept = "what was finished is stored, and the same command goes on from there"
    unfinished = words[:2] == ["data", "make"] or _command(words) == "diagnose"
    with contextlib.suppress(OSError):  # of a terminal that is gone
        echo(f"interrupted: {'nothing was written' if unfinished else kept}", err=True)
    return 130


def _command(words: list[str]) -> str:
    return next((word for word in words if not word.startswith("-")), "")


def _closed() -> int:
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
    return 0


def _raised_by_click(error: BaseException) -> bool:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and str(at.tb_frame.f_globals.get("__name__")).startswith("click")


def _complain_of_usage(error: click.ClickException) -> None:
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None:
        echo(context.get_usage(), err=True)
        echo(f"Try '{context.command_path} --help' for help.\n", err=True)
    echo(f"Error: {error.format_message()}", err=True)


def _complain_of(error: BaseException, words: list[str]) -> None:
    """Say in two lines what went wrong."""
    full = disk_fault(error)
    if isinstance(error, FashionBenchError):
        _complain(message_of(error), error.remedy)
    elif full or isinstance(error, OSError):
        # An error of another library does not know the file.
        where = f" at {error.filename}" if isinstance(error, OSError) and error.filename else ""
        said = os.strerror(full) if full else getattr(error, "strerror", None) or text_of(error) or type(error).__name__
        _complain(f"{said}{where}", f"{_advice(words, error, full)}; --traceback shows where it was raised")
    elif isinstance(error, MemoryError):
        _complain("there is not enough memory", "take less data, or a smaller batch size")
    else:
        _complain(f"{UNFORESEEN} {message_of(error)}", "this is a fault of ours: --traceback shows where it was raised")


def _advice(words: list[str], error: BaseException, full: int | None) -> str:
    """Say what to do about a disk that takes no more, or about a file, by what the system says of it."""
    command = _command(words)
    option = "--out" if command in {"train", "diagnose"} else "--store"
    named = getattr(error, "filename", None)
    outputs = [word for before, word in pairwise(words) if before in _OUTPUTS]
    if full and named is not None and any(Path(os.fsdecode(named)) == Path(word) for word in outputs):
        return "free some space, or name a file on another disk"
    if full:
        kept = {
            "train": "checkpoints are kept, and the same command goes on from the last",
            "diagnose": "each file is written whole or not at all",
        }.get(command, "the store is valid")
        return f"{kept}; free some space, or choose another disk with {option}"
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.EROFS, errno.EACCES, errno.EPERM}:
        return f"set the permissions of that file or folder, or choose another {option}"
    return _REMEDIES.get(number or 0, "check the path")


#: Options that name a file to write.
_OUTPUTS = frozenset({"--output", "--template", "--junit", "--markdown", "--baseline"})
#: What to do, by the number of the system's error.
_REMEDIES = {
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ELOOP: "a link leads to itself: remove it",
    errno.EISDIR: "name a file, this is a folder",
    errno.ENOTDIR: "a part of the path is a file: check the path",
    errno.EMFILE: "allow more open files with 'ulimit -n'",
    errno.ENFILE: "the system has too many open files: close other programs",
    errno.EIO: "the disk or the network drive has a fault: copy the files elsewhere",
    errno.ESTALE: "the network drive was mounted anew: open the folder again",
    errno.ETXTBSY: "another program uses the file: wait until it ends",
    errno.EBUSY: "another program uses it: wait until it ends",
    errno.EXDEV: "keep both folders on one disk",
    errno.EINVAL: "check what it is, and its name: some file systems refuse some signs",
    errno.EILSEQ: "the name holds a sign that this file system refuses: choose another",
    errno.ENOMEM: "close other programs, or take less data",
    errno.ECONNREFUSED: "nothing listens at that address: start it, or correct the address",
    errno.ETIMEDOUT: "nobody answered in time: try again",
}


def _complain(message: str, remedy: str) -> None:
    echo(f"error: {message}", err=True)
    if remedy:
        echo(f"  try: {remedy}", err=True)
