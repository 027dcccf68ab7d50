"""Files and folders that a user names for what a command writes.

A file needs its folder. A folder is made where it is not there, with those above it, and said in a line. Nothing is
written into a store that is not its own.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from fashionbench import terminal
from fashionbench.errors import ConfigError
from fashionbench.files import kind_of, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: The standard output of this process by its names as a file.
_STANDARD_OUTPUT = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def check_output(path: Path) -> None:
    """See before anything is run that a file can be written there.

    :raises ConfigError: where its folder is not there, or it is a folder itself.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", remedy="name a file in it")
    # A link stays, and what it leads to is written.
    parent = Path(os.path.realpath(path)).parent if path.is_symlink() else path.parent
    if not parent.is_dir():
        problem = "is no folder" if parent.exists() else "is not there"
        raise ConfigError(
            f"{path} cannot be written: the folder {parent} {problem}", remedy="make it, or check the path"
        )


def check_folder(folder: Path) -> None:
    """See that a folder is there or can be made, and is no place of a store, which would take files there for its own.

    :raises ConfigError: where something else stands there, or on the way there, or it is of a store.
    """
    there = _nearest(folder)
    if not there.is_dir():
        kind = "a link that leads nowhere" if there.is_symlink() else kind_of(there.lstat().st_mode)
        raise ConfigError(f"the folder {folder} cannot be made: {there} is {kind}", remedy="name another folder")
    place = Path(os.path.realpath(folder))
    for root in (place, *place.parents):
        below = place.relative_to(root).parts[:1]
        if (root / _CHAIN).is_file() and (not below or below[0] in _OF_STORES):
            raise ConfigError(f"{folder} is a place of the store {root}", remedy="name a folder of its own")


@contextlib.contextmanager
def said_if_made(folder: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Say in a line that a folder was made, however what makes it ends."""
    first = _first_missing(folder)
    try:
        yield
    finally:
        if first is not None and folder.is_dir():
            _say_made(folder, first, say)


def make_folder(folder: Path, say: Callable[[str], object]) -> None:
    """Make a folder, with those above it, before long work begins, and say so in a line; one that is there stays.

    :raises ConfigError: where something else stands there, or on the way there.
    :raises OSError: as the file system says.
    """
    check_folder(folder)
    first = _first_missing(folder)
    if first is not None:
        folder.mkdir(parents=True, exist_ok=True)
        _say_made(folder, first, say)


def _say_made(folder: Path, first: Path, say: Callable[[str], object]) -> None:
    say(f"made the folder {folder}" + (f", and {first} above it" if first != folder else ""))


def _first_missing(folder: Path) -> Path | None:
    """Return the topmost folder of a path that is not there; None where all are."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    return missing[-1] if missing else None


def _nearest(folder: Path) -> Path:
    """Return what is there of a path: itself, or the nearest above it."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_symlink() or path.exists())


#: The list of a store's entries, by which it is known, and the folders that hold nothing but its own files.
_CHAIN = "chain.jsonl"
_OF_STORES = frozenset({"records", "marks", "predictions", "values", "images"})


def write_output(path: Path, content: str) -> None:
    """Write text to a file that a user named.

    A link is followed, and stays. A device, or a FIFO that somebody reads, is written to and not replaced.

    :raises ConfigError: where its folder is not there, or nobody reads the FIFO.
    :raises OSError: as the file system says.
    """
    check_output(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    if str(path) in _STANDARD_OUTPUT:
        terminal.echo(content, nl=False, raw=True)
    elif stat.S_ISREG(mode):
        write_text(path, content)
    elif stat.S_ISCHR(mode) or stat.S_ISFIFO(mode):
        _pass_on(path, content)
    else:
        raise ConfigError(f"{path} is no file that can be written", remedy="name another file")


def inside(folder: Path, name: str) -> Path:
    """Return the place of a file that a plugin names below a folder.

    :raises ConfigError: where the name, or a link on its way, leads out of the folder.
    """
    pure = PurePosixPath(name)
    parts = (*pure.parts, *PureWindowsPath(name).parts)
    named = bool(pure.parts) and name.isprintable() and not pure.is_absolute() and not PureWindowsPath(name).anchor
    path = folder / name
    root = os.path.realpath(folder)
    if not named or ".." in parts or os.path.commonpath([root, os.path.realpath(path.parent)]) != root:
        raise ConfigError(f"the file {name!r} leads out of {folder}", remedy="mend the plugin that names it")
    return path


def _pass_on(path: Path, content: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        raise ConfigError(f"{path} is a FIFO that nobody reads", remedy="start its reader first") from error
    os.set_blocking(handle, True)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode())
    except BrokenPipeError as error:
        raise ConfigError(f"the reader of {path} has gone", remedy="start it again") from error
    except OSError as error:  # by the name that the user knows
        raise OSError(error.errno, error.strerror, str(path)) from error
