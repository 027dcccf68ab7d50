"""What the cache of embeddings and features of a store holds: files, and rows by backend or extractor."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.locks import LockedError, locked
from fashionbench.runner.embedding_cache import FILE
from fashionbench.sqlite_damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SUFFIXES = ("", "-wal", "-shm")
#: Begins the names of the database, and of one that was damaged and put aside.
_STEM = FILE.partition(".")[0]

#: Rows by owner and time of the last use; of rows that an earlier version wrote, neither is known.
ROWS = (
    "SELECT coalesce(owner, ''), coalesce(at, 0), count(*), sum(length(content)) "
    "FROM vector LEFT JOIN last_use USING (key) GROUP BY 1, 2"
)
#: The same of a database that an earlier version wrote.
_ROWS_ALONE = "SELECT '', 0, count(*), sum(length(content)) FROM vector HAVING count(*) > 0"


@dataclass(frozen=True, slots=True)
class CachedRows:
    """The rows of one backend or extractor.

    :param owner: its id; empty for rows of an earlier version, which did not note it.
    :param bytes: of the numbers alone.
    :param last_use: seconds since 1970, or None where that is not known.
    """

    owner: str
    rows: int
    bytes: int
    last_use: float | None


@dataclass(frozen=True, slots=True)
class CacheContents:
    """What a cache holds.

    :param files: bytes by file name.
    :param in_use: whether a run uses it now.
    """

    folder: Path
    files: Mapping[str, int] = field(default_factory=dict)
    owners: tuple[CachedRows, ...] = ()
    in_use: bool = False

    @property
    def bytes(self) -> int:
        """What all files take."""
        return sum(self.files.values())

    @property
    def rows(self) -> int:
        """The rows of all owners."""
        return sum(one.rows for one in self.owners)


def cache_contents(folder: Path) -> CacheContents:
    """Look at a cache; nothing is made where there is none.

    :raises StoreError: where its database cannot be read.
    """
    files = cache_files(folder)
    return CacheContents(folder, files, _owners(folder / FILE) if FILE in files else (), bool(files) and _used(folder))


def cache_files(folder: Path) -> dict[str, int]:
    """Return the bytes of each file of a cache, by name."""
    found: dict[str, int] = {}
    for path in sorted(folder.glob(f"{_STEM}.*")):
        if path.is_file():
            found[path.name] = path.stat().st_size
    return found


def database_files(folder: Path) -> list[Path]:
    """Return the files that a database consists of, whether they are there or not."""
    return [folder / f"{FILE}{suffix}" for suffix in _SUFFIXES]


def _owners(path: Path) -> tuple[CachedRows, ...]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
            tables = {name for (name,) in base.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if "vector" not in tables:
                return ()
            groups = base.execute(ROWS if "last_use" in tables else _ROWS_ALONE).fetchall()
    except DAMAGE as error:
        msg = f"the cache {path} cannot be read: {error}"
        raise StoreError(msg, remedy="'fashionbench cache prune --limit 0' removes it; it holds no results") from error
    owners: dict[str, CachedRows] = {}
    for owner, at, rows, size in groups:
        before = owners.get(owner, CachedRows(owner, 0, 0, None))
        last = max(before.last_use or 0, at) or None
        owners[owner] = CachedRows(owner, before.rows + rows, before.bytes + size, last)
    return tuple(owners[name] for name in sorted(owners))


def _used(folder: Path) -> bool:
    try:
        with locked(folder, "run"):
            return False
    except LockedError:
        return True
    except OSError:  # a folder that cannot be written: no run here uses it
        return False
