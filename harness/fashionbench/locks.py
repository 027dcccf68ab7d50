"""Locks on folders: one process at a time works in one; the operating system lets go when the process ends, however."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import time
from typing import IO, TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.files import regular_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: The file that is locked; it stays, for removing it would let two processes lock two files of one name.
NAME = ".lock"
_PAUSE = 0.2


class LockedError(StoreError):
    """Another process works in the folder."""


@contextlib.contextmanager
def locked(
    folder: Path, what: str, *, wait: Callable[[str], object] | None = None, shared: bool = False
) -> Iterator[None]:
    """Hold the lock of a folder, which is made where it is missing.

    :param what: what is done there, for the message, such as ``training``.
    :param wait: called once with a line where another process holds it, which is then waited for; None refuses.
    :param shared: hold it beside others that share it; one that does not share is refused, or waits for all of them.
    :raises LockedError: where another process holds it and is not waited for.
    :raises OSError: where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        said = False
        while not _take(file, shared=shared):
            holder = _holder(folder / NAME)
            if wait is None:
                msg = f"another {what} works in {folder}{holder}"
                raise LockedError(msg, remedy="wait until it is over, or choose another folder")
            if not said:
                wait(f"waiting for another {what} in {folder}{holder}")
                said = True
            time.sleep(_PAUSE)
        try:
            file.truncate(0)
            file.write(json.dumps({"process": os.getpid(), "host": platform.node()}) + "\n")
            file.flush()
            yield
        finally:
            _release(file)


def _holder(path: Path) -> str:
    """Say which process wrote its number into a lock; empty where that cannot be read."""
    try:
        fields = loads(regular_text(path))
        return f": process {fields['process']} on {fields['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""


if os.name == "nt":  # pragma: no cover
    import msvcrt

    _PLACES = 64  # bytes far behind the text, which others must be able to read: one for each that shares, or all
    _taken: dict[int, tuple[int, int]] = {}

    def _take(file: IO[str], *, shared: bool) -> bool:
        for at, count in [(at, 1) for at in range(_PLACES)] if shared else [(0, _PLACES)]:
            try:
                file.seek((1 << 20) + at)
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, count)  # type: ignore[attr-defined]
            except OSError:
                continue
            _taken[file.fileno()] = at, count
            return True
        return False

    def _release(file: IO[str]) -> None:
        at, count = _taken.pop(file.fileno())
        file.seek((1 << 20) + at)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, count)  # type: ignore[attr-defined]

else:
    import fcntl

    def _take(file: IO[str], *, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                return False
            if error.errno in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}:
                return True  # a file system without locks: nothing can be known
            raise
        return True

    def _release(file: IO[str]) -> None:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
