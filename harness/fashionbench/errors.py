"""Errors that a user can act on: what went wrong, and what to do next."""

from __future__ import annotations

import traceback
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fashionbench.interrupts import is_asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


#: How many names an error lists where a command lists them too.
LISTED = 12

#: Characters of the text of an error of others that are taken.
_LONGEST = 20_000

#: The kinds of things that ``fashionbench list`` lists, and what it calls them.
LISTS = {
    "task": "tasks",
    "dataset": "datasets",
    "backend": "backends",
    "metric": "metrics",
    "trainer": "trainers",
    "study": "studies",
    "board": "boards",
    "executor": "executors",
    "reference": "references",
    "name": "tasks' or 'fashionbench list backends",
}


class FashionBenchError(Exception):
    """A mistake or a misfortune that is not a bug in FashionBench; the command line prints it without a traceback.

    :param message: what is wrong, naming the file, the line or the id.
    :param remedy: what the reader can do about it, as an instruction; empty where there is nothing to do.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = str(message)
        self.remedy = str(remedy)

    def __str__(self) -> str:
        return f"{self.message} ({self.remedy})" if self.remedy else self.message


class UnknownNameError(FashionBenchError):
    """A name that nothing registered, with the nearest names that exist.

    :param kind: the noun that the name stands for, such as ``task``.
    :param name: the name as the user wrote it.
    :param known: every name that would have been accepted; many are not listed where a command lists them.
    :param where: what else is to be said of it, from the space before it.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], where: str = "") -> None:
        names = sorted(known)
        hint = did_you_mean(name, names) or ": there is no name near it"
        remedy = f"known {kind} names: {', '.join(names) if names else 'none registered'}"
        if len(names) > LISTED and kind in LISTS:
            remedy = f"'fashionbench list {LISTS[kind]}' lists all {len(names)}"
        super().__init__(f"unknown {kind} {name!r}{where}{hint}", remedy=remedy)
        self.name = name


class ConfigError(FashionBenchError):
    """A configuration that cannot be run."""


class FieldError(ConfigError):
    """Fields of a configuration that are wrong.

    :param what: the beginning of the message.
    :param faults: what is wrong, by dotted name of the field.
    """

    def __init__(self, what: str, faults: Mapping[str, str], *, remedy: str = "") -> None:
        told = "; ".join(f"{field} {fault}" for field, fault in faults.items())
        super().__init__(f"{what}: {told}", remedy=remedy)
        self.faults = dict(faults)


class DataError(FashionBenchError):
    """Data that is missing, unreadable or not what its specification says."""


class BackendError(FashionBenchError):
    """A backend broke its contract: wrong shape, wrong count, NaN, or it changed its input."""


class ExecutorError(FashionBenchError):
    """A process or a machine that was to run a cell is gone, or cannot be had."""


class MetricError(FashionBenchError):
    """A metric that cannot be computed from these predictions."""


class PluginError(FashionBenchError):
    """A plugin that cannot be loaded, or two plugins that claim one name."""


class StoreError(FashionBenchError):
    """A record or a predictions file that is corrupt, missing or was altered."""


def as_error(raised: BaseException) -> Exception:
    """Return what foreign code raised as an error of its cell: a call of ``sys.exit``, and whatever is no error either.

    :raises KeyboardInterrupt: as it is, where somebody pressed Ctrl-C or ended the process.
    """
    if isinstance(raised, Exception):
        return raised
    if isinstance(raised, KeyboardInterrupt) and is_asked():
        raise raised
    if isinstance(raised, SystemExit):
        message = f"a plugin ended the process with sys.exit({raised.code!r})"
    else:
        said = f": {text_of(raised)}" if text_of(raised) else ""
        message = f"a plugin raised {type(raised).__name__}, which is no error{said}"
    return FashionBenchError(message, remedy="raise an error instead").with_traceback(raised.__traceback__)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Ask after a colon whether one of the nearest names was meant: like it, or with it as a part; else say nothing."""
    names = sorted(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    part = name.strip("*/").lower()
    near += [other for other in names if part and part in other.lower() and other not in near][: 3 - len(near)]
    return f": did you mean {' or '.join(near)}?" if near else ""


def first_names(names: Sequence[object], shown: int = 5) -> str:
    """List the first names of many for a message, and say how many more there are."""
    listed = ", ".join(str(name) for name in names[:shown])
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown} more"


def counted(count: int, noun: str) -> str:
    """Write a number with its noun, in the plural where it is not one."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def message_of(error: BaseException) -> str:
    """Return what an error says; one that nobody foresaw with its type, for the text of a KeyError is the key alone."""
    return _cut(error.message) if isinstance(error, FashionBenchError) else f"{type(error).__name__}: {text_of(error)}"


def text_of(error: BaseException) -> str:
    """Return the text of an error that anybody may have written: cut where it holds a whole file, never raising."""
    try:
        return _cut(str(error))
    except BaseException as raised:
        as_error(raised)
        return f"(its text cannot be read: {type(raised).__name__})"


def _cut(text: str) -> str:
    plain = str.__getitem__(text, slice(_LONGEST))
    left = str.__len__(text) - len(plain)
    return f"{plain} … ({left:,} characters more)" if left else plain


#: Words of libraries that say how to read a file that may hold a program.
_UNSAFE = ("weights_only", "weights only", "allow_pickle", "pickle")


def reason_of(error: BaseException) -> str:
    """Return the first line of what a library says of a file; never its advice to read a pickle in spite of it."""
    said = text_of(error).strip()
    if type(error).__name__ == "UnpicklingError" or any(word in said.lower() for word in _UNSAFE):
        return "it is damaged, or holds more than numbers, which might be a program"
    return said.partition("\n")[0]


#: The attribute in which an error that came from another process has its traceback there.
ELSEWHERE = "trace_elsewhere"


def trace(error: BaseException) -> str:
    """Format a traceback without the machine's paths, first that of the process where it was raised."""
    elsewhere = getattr(error, ELSEWHERE, None)
    lines: list[str] = [elsewhere] if isinstance(elsewhere, str) and elsewhere else []
    for frame in traceback.extract_tb(error.__traceback__):
        name = frame.filename.replace("\\", "/").rpartition("/site-packages/")[2]
        short = "/".join(name.split("/")[-3:])
        lines.append(f"{short}:{frame.lineno} in {frame.name}")
    return "\n".join(lines)
