"""What commands print: every text passes here, on its way to people or to a pipe."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import IO, TYPE_CHECKING, Any

from fashionbench.control_characters import printable
from fashionbench.redaction import redacted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console
    from rich.progress import Progress

#: The standard output of the command, where foreign code was given another one.
_own: list[IO[str]] = []


class ClosedOutputError(BrokenPipeError):
    """Nobody reads what is printed any longer, as where it was piped to ``head``."""


def shown(text: str) -> str:
    """Return a text as it may be printed: without secrets, and without what a terminal would obey."""
    return printable(redacted(text))


def echo(text: object = "", *, err: bool = False, nl: bool = True, raw: bool = False) -> None:
    """Print a text, on standard error where ``err`` says so.

    :param raw: whether the text is made for a pipe and was cleaned before.
    :raises ClosedOutputError: where nobody reads on.
    """
    stream = sys.stderr if err else output()
    try:
        stream.write((str(text) if raw else shown(str(text))) + ("\n" if nl else ""))
        stream.flush()
    except BrokenPipeError as error:
        raise ClosedOutputError from error


def output() -> IO[str]:
    """Return the standard output that the command was started with."""
    return _own[-1] if _own else sys.stdout


def console(*, err: bool = False, width: int | None = None) -> Console:
    """Return a console of rich that takes no text for markup, and prints each as :func:`shown` returns it."""
    from rich.console import Console  # noqa: PLC0415

    class Plain(Console):
        def render_str(self, text: str, **options: Any) -> Any:
            return super().render_str(shown(text), **options)

        def on_broken_pipe(self) -> None:
            raise ClosedOutputError

    return Plain(file=sys.stderr if err else output(), markup=False, emoji=False, highlight=False, width=width)


def progress() -> Progress:
    """Return a bar on standard error, whose description is no markup, and which goes when it is done."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    name = TextColumn("{task.description}", markup=False)
    columns = (name, BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    return Progress(*columns, transient=True, console=console(err=True))


def tolerate_streams() -> None:
    """Let a terminal that is not UTF-8 show what it lacks as an escape; print nowhere where a stream is closed."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def foreign_output() -> Iterator[None]:
    """Send to standard error what plugins, models and libraries print, also those in C and in child processes.

    Only :func:`echo` and :func:`console` reach standard output meanwhile, so JSON that a command prints is JSON.
    """
    before = sys.stdout
    before.flush()
    with contextlib.ExitStack() as stack:
        own: IO[str] = before
        if _descriptor(before) == 1 and _descriptor(sys.stderr) is not None:
            kept = os.dup(1)
            os.dup2(2, 1)
            stack.callback(_put_back, kept)
            encoding = getattr(before, "encoding", None) or "utf-8"
            own = stack.enter_context(
                open(os.dup(kept), "w", encoding=encoding, errors="backslashreplace", newline="")  # noqa: PTH123
            )
        _own.append(own)
        stack.callback(_own.remove, own)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def _put_back(kept: int) -> None:
    os.dup2(kept, 1)
    os.close(kept)


def _descriptor(stream: IO[str] | Any) -> int | None:
    try:
        return int(stream.fileno())
    except (AttributeError, OSError, ValueError):
        return None
