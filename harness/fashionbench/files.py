"""Files: written whole or not at all, hashed, and named.

A reader sees the old file or the new one; a killed writer leaves at most a ``*.tmp`` file that nobody reads, and that
a later run removes (:mod:`fashionbench.temporaries`).
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.temporaries import temporary_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from io import BufferedReader

#: Errors of a disk that takes no more, and the words that libraries pass on.
_FULL = {
    errno.ENOSPC: ("No space left on device", "os error 28", "database or disk is full"),
    errno.EDQUOT: ("Disk quota exceeded", "quota exceeded"),
}
#: Bytes that are tried where a library does not say why it could not write.
_PROBE = 1 << 20
_REFUSED = frozenset('\\:*?"<>|')
_LONGEST = 200  # bytes; a file name ends at 255 nearly everywhere, and suffixes come after


def expanded(path: str | Path) -> Path:
    """Return a path with the home folder for a leading ``~``; that of a user who does not exist stays as it is."""
    return Path(os.path.expanduser(path))  # noqa: PTH111  # pathlib raises where there is no such user


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` write a temporary file beside ``path``, then move it there.

    A link stays, and what it leads to is written. The mode is that of the file that was there, or as the umask says.

    :raises OSError: as the file system says, also where a library raises something else because the disk is full;
        ``path`` is then what it was before. Also where it is a device, which would be replaced.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = _mode(path)
    temporary = path.with_name(temporary_name(path.name))
    try:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
    except OSError as error:  # by the name that the user knows
        raise OSError(error.errno, error.strerror, str(path)) from error
    try:
        fill(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(path)
    except BaseException as error:
        fault = disk_fault(error) or (_probe(path) if isinstance(error, Exception) else None)
        with contextlib.suppress(OSError):
            temporary.unlink()
        if fault is not None and not isinstance(error, OSError):
            raise OSError(fault, os.strerror(fault), str(path)) from error
        raise


def _mode(path: Path) -> int | None:
    """Return the mode of a file that is there.

    :raises OSError: where what is there is no regular file.
    """
    try:
        found = path.lstat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(found):
        return stat.S_IMODE(found)
    number = errno.EISDIR if stat.S_ISDIR(found) else errno.ELOOP if stat.S_ISLNK(found) else errno.EINVAL
    raise OSError(number, f"it is {kind_of(found)} and no regular file", str(path))


def disk_fault(error: BaseException) -> int | None:
    """Tell by an error, or what it came from, that a disk is full or a quota is spent, whatever library raised it.

    :returns: the number of the system's error, or None.
    """
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        if isinstance(at, OSError) and at.errno in _FULL:
            return at.errno
        # Rust, SQLite and others give the words alone.
        said = _said(at)
        found = next((number for number, words in _FULL.items() if any(word in said for word in words)), None)
        if found is not None:
            return found
        at = at.__cause__ or at.__context__
    return None


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # an error of others, whose text raises
        return ""


def stop_if_full(error: BaseException) -> None:
    """End what is under way where a disk takes no more: what fails for that says nothing of a model or a metric.

    :raises OSError: of the system, where an error, or what it came from, is that of a full disk or a spent quota.
    """
    fault = disk_fault(error)
    if fault is not None:
        raise OSError(fault, os.strerror(fault), getattr(error, "filename", None)) from error


def _probe(path: Path) -> int | None:
    """Tell by writing a little that a disk is full, for libraries that write less than they should and say no word."""
    try:
        with tempfile.TemporaryFile(dir=path.parent) as file:
            file.write(bytes(_PROBE))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno if error.errno in _FULL else None
    return None


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes."""
    write(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text with the line ends as given."""
    write_bytes(path, content.encode())


#: Bytes of a file of text, or of one that is read whole, that are taken at most.
LARGEST = 4 << 30


def open_regular(path: Path, largest: int | None = None) -> BufferedReader:
    """Open a file to read bytes; what is no regular file, such as a FIFO that nobody writes to, is refused.

    :param largest: the bytes that it may have at most; None takes any number.
    :raises OSError: where it cannot be read, naming what it is, or where it is larger.
    """
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    state = os.fstat(handle)
    fault: tuple[int, str] | None = None
    if not stat.S_ISREG(state.st_mode):
        number = errno.EISDIR if stat.S_ISDIR(state.st_mode) else errno.EINVAL
        fault = number, f"it is {kind_of(state.st_mode)} and no regular file"
    elif largest is not None and state.st_size > largest:
        fault = errno.EFBIG, f"it has {state.st_size:,} bytes, and at most {largest:,} are read"
    if fault is not None:
        os.close(handle)
        raise OSError(*fault, str(path))
    return os.fdopen(handle, "rb")


#: What stands in the place of a regular file.
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a link to itself",
}


def kind_of(mode: int) -> str:
    """Say what stands in the place of a regular file, by its mode."""
    return _KINDS.get(stat.S_IFMT(mode), "a file" if stat.S_ISREG(mode) else "a device")


def regular_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """Read a whole regular file.

    :raises OSError: as :func:`open_regular` does.
    """
    with open_regular(path, largest) as file:
        return file.read()


def regular_text(path: Path, encoding: str = "utf-8", largest: int = LARGEST) -> str:
    """Read a regular file of text, line ends as they are in Python.

    :raises OSError: as :func:`open_regular` does.
    :raises UnicodeDecodeError: where it is in another encoding.
    """
    with open_regular(path, largest) as file, io.TextIOWrapper(file, encoding=encoding) as text:
        return text.read()


def sha256(path: Path) -> str:
    """Hash the content of a file, 64 hexadecimal digits; read in parts, for it may be larger than memory.

    :raises OSError: where it cannot be read.
    """
    with open_regular(path) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def slug(name: str) -> str:
    """Make a file name of an id such as ``owner/name``; what a file system refuses gives way to a hash of the whole."""
    plain = name.replace("/", "__")
    safe = "".join("-" if sign in _REFUSED or not sign.isprintable() else sign for sign in plain).rstrip(" .")
    if safe == plain and len(safe.encode()) <= _LONGEST:
        return safe
    kept = safe.encode()[: _LONGEST - 13].decode(errors="ignore")
    return f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
