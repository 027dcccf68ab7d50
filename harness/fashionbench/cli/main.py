"""``fashionbench``: the group of commands, and what becomes of errors."""

from __future__ import annotations

import errno
import os
import sys

import click

from fashionbench.cli.ablate import ablate
from fashionbench.cli.audit import audit
from fashionbench.cli.board import board
from fashionbench.cli.compare import compare
from fashionbench.cli.data import data
from fashionbench.cli.doctor import doctor
from fashionbench.cli.export import export
from fashionbench.cli.gate import gate
from fashionbench.cli.items import items
from fashionbench.cli.list import list_
from fashionbench.cli.options import State
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
from fashionbench.errors import FashionBenchError
from fashionbench.files import disk_fault

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

    def _load(self, ctx: click.Context) -> None:
        if ctx.meta.get("fashionbench.plugin_commands"):
            return
        ctx.meta["fashionbench.plugin_commands"] = True
        state = ctx.obj if isinstance(ctx.obj, State) else State(strict=False)
        # As an event: a plugin that raises here costs its own commands alone.
        state.plugins.notify("register_commands", self)


@click.group(cls=Group, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fashionbench")
@click.option("--strict-plugins", is_flag=True, help="Stop at the first plugin that cannot be loaded.")
@click.option("--traceback", is_flag=True, help="Show where an error was raised.")
@click.pass_context
def group(ctx: click.Context, *, strict_plugins: bool, traceback: bool) -> None:
    """Evaluate multimodal fashion models, and show a number only beside numbers measured the same way."""
    ctx.obj = State(strict=strict_plugins)
    ctx.meta["fashionbench.traceback"] = traceback


_COMMANDS = (
    ablate, audit, board, compare, data, doctor, export, gate, items, list_, plugins, publish, records, rescore, run,
    score, sensitivity, shortcuts, show, train,
)  # fmt: skip
for command in _COMMANDS:
    group.add_command(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 all is well; 1 a cell failed, or something cannot be used; 2 the command cannot be carried out; 3 a gate cannot be
    judged; 130 interrupted.
    """
    words = sys.argv[1:] if arguments is None else arguments
    try:
        code = group.main(words, prog_name="fashionbench", standalone_mode=False)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted: what was finished is stored, and the same command goes on from there", err=True)
        return 130
    except FashionBenchError as error:
        if "--traceback" in words:
            raise
        _complain(error.message, error.remedy)
        return 2
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123
        return 0
    except Exception as error:
        full = disk_fault(error)
        denied = isinstance(error, OSError) and error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}
        if "--traceback" in words or not (full or isinstance(error, OSError)):
            raise
        # An error of another library does not know the file.
        where = f" at {error.filename}" if isinstance(error, OSError) and error.filename else ""
        advice = _advice(words, full) if full or denied else "check the path"
        said = os.strerror(full) if full else getattr(error, "strerror", None) or str(error)
        _complain(f"{said}{where}", f"{advice}; --traceback shows where it was raised")
        return 2
    return code if isinstance(code, int) else 0


def _advice(words: list[str], full: int | None) -> str:
    """Say what to do about a disk that takes no more, or a file that is closed to us."""
    training = next((word for word in words if not word.startswith("-")), "") == "train"
    option = "--out" if training else "--store"
    if not full:
        return f"set the permissions of that file or folder, or choose another {option}"
    kept = "checkpoints are kept, and the same command goes on from the last" if training else "the store is valid"
    return f"{kept}; free some space, or choose another disk with {option}"


def _complain(message: str, remedy: str) -> None:
    click.echo(f"error: {message}", err=True)
    if remedy:
        click.echo(f"  try: {remedy}", err=True)
