"""Temporary files and folders, whose names say which process writes them, so that those of dead ones can be removed."""

from __future__ import annotations

import os
import platform
import re
import secrets
import shutil
from typing import TYPE_CHECKING

from fashionbench.errors import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SUFFIX = ".tmp"


def temporary_name(name: str) -> str:
    """Return a new name beside a file or folder that is to be written: hidden, with this machine and process in it."""
    return f".{name[:40]}.{_here()}.{os.getpid()}.{secrets.token_hex(6)}{_SUFFIX}"


def remove_dead(folder: Path, say: Callable[[str], object]) -> None:
    """Remove what dead processes of this machine left below a folder, and say in a line how many there were.

    Those of processes that run, of other machines, and of a number that another process has now, stay.
    """
    gone = sum(_removed(path) for path in list(_dead(folder)))
    if gone:
        say(f"removed {counted(gone, 'temporary file')} that a killed process left in {folder}")


def of_dead(path: Path, target: str = "") -> bool:
    """Tell whether a name is that of a temporary of a dead process of this machine.

    :param target: only for what was to become this.
    """
    name = re.escape(target[:40]) if target else ".+"
    found = re.fullmatch(rf"\.{name}\.{re.escape(_here())}\.(\d+)\.\w+{re.escape(_SUFFIX)}", path.name)
    return found is not None and not path.is_symlink() and not _runs(int(found[1]))


def _dead(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        for name in (*folders, *names):
            if name.startswith(".") and name.endswith(_SUFFIX):
                path = type(folder)(root, name)
                if of_dead(path):
                    yield path


def _removed(path: Path) -> bool:
    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except OSError:  # it may be closed to us, or another process was faster
        return False
    return True


def _here() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", platform.node())[:40]


def _runs(process: int) -> bool:
    if os.name == "nt":  # there, the signal 0 would end it
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
