"""Keep the cache of embeddings and features below a size: what was not used for longest goes first."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.locks import LockedError, locked
from fashionbench.runner.byte_size import parse_size
from fashionbench.runner.cache_contents import ROWS, cache_files, database_files
from fashionbench.runner.embedding_cache import FILE, create_tables
from fashionbench.sqlite_damage import DAMAGE

if TYPE_CHECKING:
    from pathlib import Path

#: The environment variable that says how large the cache of a store may be.
LIMIT_VARIABLE = "FASHIONBENCH_CACHE_LIMIT"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning did: bytes of all files before and after, and how many rows went."""

    before: int
    after: int
    rows: int


def limit_of_environment() -> int | None:
    """Return the limit that the environment names; None where it names none.

    :raises ConfigError: where it is no size.
    """
    said = os.environ.get(LIMIT_VARIABLE)
    return parse_size(said, LIMIT_VARIABLE) if said else None


def prune(folder: Path, limit: int) -> Pruned:
    """Remove the rows that were not used for longest until the files take no more than the limit.

    Records do not change; what was removed is computed again when it is asked for.

    :param limit: bytes; 0 removes everything.
    :raises LockedError: where a run uses the cache; nothing is removed then.
    :raises StoreError: where the files cannot be made smaller, such as on a full disk.
    """
    if not cache_files(folder):
        return Pruned(0, 0, 0)
    try:
        with locked(folder, "run"):
            return _pruned(folder, limit)
    except LockedError as error:
        msg = f"the cache in {folder} is in use: {error}"
        raise LockedError(msg, remedy="prune it when no run uses it; nothing was removed") from error
    except (OSError, sqlite3.OperationalError) as error:
        msg = f"the cache in {folder} was not made smaller: {error}"
        raise StoreError(msg, remedy="free some space first, or remove all of it with --limit 0") from error


def _pruned(folder: Path, limit: int) -> Pruned:
    before = size = sum(cache_files(folder).values())
    rows = 0
    if size > limit:
        for path in (folder / name for name in cache_files(folder)):
            if path not in database_files(folder):  # damaged, and put aside
                path.unlink()
        size = sum(cache_files(folder).values())
    share = limit
    while size > limit:
        left, gone = _shrunk(folder, share)
        rows += gone
        if not left:
            for path in database_files(folder):
                path.unlink(missing_ok=True)
        size = sum(cache_files(folder).values())
        share = share * 9 // 10
    return Pruned(before, size, rows)


def _shrunk(folder: Path, limit: int) -> tuple[int, int]:
    """Remove rows until the file should take no more than a limit; return how many are left, and how many went.

    How much a page holds is only known of all rows together, so that the caller looks at what came of it.
    """
    try:
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as base:
            create_tables(base)
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            # One that was written at once goes at once: rows of a batch are used together.
            groups = sorted(((at, count, size) for _, at, count, size in base.execute(ROWS)), reverse=True)
            (pages,), (free,), (page,) = (
                base.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "freelist_count", "page_size")
            )
            factor = (pages - free) * page / max(1, sum(size for _, _, size in groups))
            total, kept, oldest = 0.0, 0, float("inf")
            for at, count, size in groups:
                total += size * factor
                if total > limit:
                    break
                kept, oldest = kept + count, at
            gone = sum(count for _, count, _ in groups) - kept
            if kept:
                wanted = "SELECT key FROM vector LEFT JOIN last_use USING (key) WHERE coalesce(at, 0) < ?"
                base.execute(f"DELETE FROM vector WHERE key IN ({wanted})", (oldest,))  # noqa: S608
                base.execute("DELETE FROM last_use WHERE key NOT IN (SELECT key FROM vector)")
                base.execute("VACUUM")
                base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return kept, gone
    except sqlite3.OperationalError:
        raise
    except DAMAGE:
        return 0, 0
