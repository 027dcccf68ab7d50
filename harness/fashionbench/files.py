"""Files: written whole or not at all, hashed, and named.

A reader sees the old file or the new one; a killed writer, or a full disk, leaves at most a ``*.tmp`` file that nobody
reads.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_REFUSED = frozenset('\\:*?"<>|')
_LONGEST = 200  # bytes; a file name ends at 255 nearly everywhere, and suffixes come after


def write(path: Path, fill: Callable[[Path], object]) -> None:
    """Let ``fill`` write a temporary file beside ``path``, then move it there.

    :raises OSError: as the file system says; ``path`` is then what it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        fill(temporary)
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes."""
    write(path, lambda temporary: temporary.write_bytes(content))


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text with the line ends as given."""
    write_bytes(path, content.encode())


def sha256(path: Path) -> str:
    """Hash the content of a file, 64 hexadecimal digits; read in parts, for it may be larger than memory.

    :raises OSError: where it cannot be read.
    """
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def slug(name: str) -> str:
    """Make a file name of an id such as ``owner/name``; what a file system refuses gives way to a hash of the whole."""
    plain = name.replace("/", "__")
    safe = "".join("-" if sign in _REFUSED or not sign.isprintable() else sign for sign in plain).rstrip(" .")
    if safe == plain and len(safe.encode()) <= _LONGEST:
        return safe
    kept = safe.encode()[: _LONGEST - 13].decode(errors="ignore")
    return f"{kept}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"
