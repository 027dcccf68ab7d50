"""Files that a user names for what a command writes: links, devices, and folders that must be there."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

from fashionbench import terminal
from fashionbench.errors import ConfigError
from fashionbench.files import write_text

#: The standard output of this process by its names as a file.
_STANDARD_OUTPUT = frozenset({"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"})


def check_output(path: Path) -> None:
    """See before anything is run that a file can be written there.

    :raises ConfigError: where its folder is not there, or it is a folder itself.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder", remedy="name a file in it")
    parent = path.parent
    if not parent.is_dir():
        problem = "is no folder" if parent.exists() else "is not there"
        raise ConfigError(
            f"{path} cannot be written: the folder {parent} {problem}", remedy="make it, or check the path"
        )


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
    with os.fdopen(handle, "wb") as file:
        file.write(content.encode())
