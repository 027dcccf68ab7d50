"""Embeddings of backends, and features of extractors, that were computed before.

A key says whose embedding it is (backend, its code, weights and preprocessing), of what (pixels with mode and size, or
text) and in which role, so that no backend can be given the vectors of another one. SQLite keeps the file valid when a
run is killed.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.locks import locked
from fashionbench.runner.gallery_lookup import GalleryLookup
from fashionbench.runner.row_checksum import row_checksum
from fashionbench.sqlite_damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


#: The name of the file in a store's cache.
FILE = "embeddings.sqlite"
#: Keys whose last use is noted at once; a killed run loses no more.
_USES = 4096


class EmbeddingCache:
    """A table of float32 arrays by key, and those in files of galleries beside it.

    It is memory and no truth: whatever is wrong with it is a miss, and no error.

    Each array stands beside a checksum over its key, shape and bytes; one that does not fit is forgotten and computed
    anew. Where the file is locked by another run for long, or the disk takes no more, the cache says so once and is not
    used from then on. Runs share the lock of the folder, and pruning
    (:mod:`fashionbench.runner.cache_pruning`) holds it alone.

    :param path: the database file. One that is damaged is put aside as ``*.damaged`` and begun anew.
    :param warn: takes a line about a cache that cannot be used.
    :param patience: seconds to wait for another run that holds the file.
    """

    def __init__(
        self,
        path: Path,
        warn: Callable[[str], object] = lambda text: sys.stderr.write(f"{text}\n"),
        patience: float = 60.0,
    ) -> None:
        self._path, self._warn, self._patience = path, warn, patience
        self._base: sqlite3.Connection | None = None
        self._used: dict[bytes, tuple[str, float]] = {}
        self._lock = ExitStack()
        self._galleries = GalleryLookup(path.parent)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.enter_context(locked(path.parent, "pruning of the cache", wait=warn, shared=True))
            self._base = self._connect()
        except (OSError, sqlite3.OperationalError) as error:
            self._give_up(error)
        except DAMAGE:
            self._begin_anew()

    @property
    def folder(self) -> Path | None:
        """Where the file lies; None where it cannot be used, and nothing else should be put there."""
        return None if self._base is None else self._path.parent

    @property
    def warn(self) -> Callable[[str], object]:
        """Takes a line about what cannot be used."""
        return self._warn

    def get(self, keys: Sequence[bytes], owner: str = "") -> list[NDArray[np.float32]] | None:
        """Return the arrays of all keys, or None where one of them is not there, or is not what was put.

        :param owner: the backend or extractor that asks, for :mod:`fashionbench.runner.cache_contents`.
        """
        found: list[NDArray[np.float32]] = []
        for key in keys:
            row = self._read("SELECT shape, content, checksum FROM vector WHERE key = ?", (key,))
            rows = None if row is None else _rows(key, *row)
            if row is not None and rows is None:
                self._write("DELETE FROM vector WHERE key = ?", [(key,)])
            if rows is None and self._base is not None:
                rows = self._galleries.get(key, owner)
            if rows is None:
                return None
            found.append(rows)
        self._use(keys, owner)
        return found

    def put(self, keys: Sequence[bytes], values: NDArray[np.floating[Any]], owner: str = "") -> None:
        """Keep one row a key."""
        rows = []
        for key, value in zip(keys, values, strict=True):
            shape, content = "x".join(map(str, value.shape)), np.ascontiguousarray(value, dtype=np.float32).tobytes()
            rows.append((key, shape, content, row_checksum(key, shape, content)))
        self._write("INSERT OR REPLACE INTO vector VALUES (?, ?, ?, ?)", rows)
        self._use(keys, owner)

    def note(self, key: str, fingerprint: str) -> None:
        """Keep what a backend said of its weights, by what decides which backend that was."""
        self._write("INSERT OR REPLACE INTO fingerprint VALUES (?, ?)", [(key, fingerprint)])

    def noted(self, key: str) -> str | None:
        """Return what a backend last said of its weights; None where it was never asked."""
        row = self._read("SELECT said FROM fingerprint WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._write_uses()
        self._shut()
        self._lock.close()

    def _shut(self) -> None:
        self._used.clear()
        if self._base is not None:
            self._base.close()
            self._base = None

    def _use(self, keys: Sequence[bytes], owner: str) -> None:
        self._used.update(dict.fromkeys(keys, (owner, time.time())))
        if len(self._used) >= _USES:
            self._write_uses()

    def _write_uses(self) -> None:
        rows = [(key, owner, at) for key, (owner, at) in self._used.items()]
        self._used.clear()
        if rows:
            self._write("INSERT OR REPLACE INTO last_use VALUES (?, ?, ?)", rows)

    def _read(self, query: str, key: tuple[bytes | str]) -> tuple[Any, ...] | None:
        if self._base is None:
            return None
        try:
            row: tuple[Any, ...] | None = self._base.execute(query, key).fetchone()
        except sqlite3.OperationalError as error:
            self._give_up(error)
        except DAMAGE:
            self._begin_anew()
        else:
            return row
        return None

    def _write(self, command: str, rows: Sequence[tuple[Any, ...]]) -> None:
        if self._base is None:
            return
        try:
            with self._base:
                self._base.executemany(command, rows)
        except sqlite3.OperationalError as error:
            self._give_up(error)
        except DAMAGE:
            self._begin_anew()

    def _connect(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=self._patience)
        try:
            base.execute("PRAGMA journal_mode=WAL")
            # In this mode the file stays whole whenever the machine stops, and the last rows may be lost.
            base.execute("PRAGMA synchronous=NORMAL")
            create_tables(base)
        except (sqlite3.Error, UnicodeDecodeError):
            base.close()
            raise
        return base

    def _begin_anew(self) -> None:
        """Put a damaged file aside, and begin another one."""
        self._shut()
        try:
            aside = self._path.with_suffix(".damaged")
            self._path.replace(aside)
            self._warn(f"warning: the cache {self._path.name} was damaged; it is put aside as {aside.name}")
            self._base = self._connect()
        except (OSError, *DAMAGE) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Say once that the cache is not used, and go on without."""
        self._shut()
        self._warn(f"warning: the cache {self._path.name} is not used, and embeddings are computed: {error}")


def create_tables(base: sqlite3.Connection) -> None:
    """Make the tables that a database lacks."""
    vector = "key BLOB PRIMARY KEY, shape TEXT, content BLOB, checksum BLOB"
    # When a row was used stands apart from it, for else the vector would be written again with it.
    use = "key BLOB PRIMARY KEY, owner TEXT, at REAL"
    for table, columns in (("vector", vector), ("fingerprint", "key TEXT PRIMARY KEY, said TEXT"), ("last_use", use)):
        base.execute(f"CREATE TABLE IF NOT EXISTS {table} ({columns}) WITHOUT ROWID")


def _rows(key: bytes, shape: object, content: object, checksum: object) -> NDArray[np.float32] | None:
    """Make an array of what was stored; None where it is not what was put."""
    if not isinstance(shape, str) or not isinstance(content, bytes) or row_checksum(key, shape, content) != checksum:
        return None
    sizes = tuple(int(part) for part in shape.split("x")) if shape else ()
    return np.frombuffer(content, dtype=np.float32).reshape(sizes)


def embedding_key(owner: str, capability: str, role: str, item: bytes) -> bytes:
    """Make the key of one embedding.

    :param owner: a hash of backend, code, weights and preprocessing.
    :param item: the hash of the item's content.
    """
    text = f"{owner}\x00{capability}\x00{role}".encode()
    return hashlib.blake2b(text + b"\x00" + item, digest_size=32).digest()
