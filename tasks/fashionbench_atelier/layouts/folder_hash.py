"""Hash what a folder contains."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fashionbench.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def fingerprint(root: Path, which: Callable[[Path], bool] = lambda _: True) -> tuple[int, str]:
    """Count the files below a root and hash their names and contents.

    :param which: which files count, by default all of them.
    :returns: the number of files, and ``sha256:`` over the sorted names and the SHA-256 of each file.
    """
    known: dict[tuple[int, int], str] = {}
    entries: dict[str, str] = {}
    for path in root.rglob("*"):
        if not path.is_file() or not which(path):
            continue
        status = path.stat()
        node = status.st_dev, status.st_ino
        # A file that several layouts share is read once; where the system numbers no files, each is read.
        checksum = known.get(node) if status.st_ino else None
        if checksum is None:
            known[node] = checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        entries[path.relative_to(root).as_posix()] = checksum
    return len(entries), digest(entries)
