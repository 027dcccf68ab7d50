"""Embeddings of backends, and features of extractors, that were computed before.

A key says whose embedding it is (backend, its code, weights and preprocessing), of what (pixels with mode and size, or
text) and in which role, so that no backend can be given the vectors of another one. SQLite keeps the file valid when a
run is killed.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


#: The name of the file in a store's cache.
FILE = "embeddings.sqlite"


class EmbeddingCache:
    """A table of float32 arrays by key.

    :param path: the database file. One that is damaged is put aside as ``*.damaged`` and begun anew.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._base = _connect(path)
        except sqlite3.DatabaseError:
            path.replace(path.with_suffix(".damaged"))
            self._base = _connect(path)

    def get(self, keys: Sequence[bytes]) -> list[NDArray[np.float32]] | None:
        """Return the arrays of all keys, or None where one of them is not there."""
        found: list[NDArray[np.float32]] = []
        for key in keys:
            row = self._base.execute("SELECT shape, content FROM embedding WHERE key = ?", (key,)).fetchone()
            if row is None:
                return None
            shape = tuple(int(part) for part in row[0].split("x")) if row[0] else ()
            found.append(np.frombuffer(row[1], dtype=np.float32).reshape(shape))
        return found

    def put(self, keys: Sequence[bytes], values: NDArray[np.floating[Any]]) -> None:
        """Keep one row a key."""
        rows = [
            (key, "x".join(map(str, value.shape)), np.ascontiguousarray(value, dtype=np.float32).tobytes())
            for key, value in zip(keys, values, strict=True)
        ]
        with self._base:
            self._base.executemany("INSERT OR REPLACE INTO embedding VALUES (?, ?, ?)", rows)

    def note(self, key: str, fingerprint: str) -> None:
        """Keep what a backend said of its weights, by what decides which backend that was."""
        with self._base:
            self._base.execute("INSERT OR REPLACE INTO fingerprint VALUES (?, ?)", (key, fingerprint))

    def noted(self, key: str) -> str | None:
        """Return what a backend last said of its weights; None where it was never asked."""
        row = self._base.execute("SELECT said FROM fingerprint WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def close(self) -> None:
        """Close the file."""
        self._base.close()


def embedding_key(owner: str, capability: str, role: str, item: bytes) -> bytes:
    """Make the key of one embedding.

    :param owner: a hash of backend, code, weights and preprocessing.
    :param item: the hash of the item's content.
    """
    text = f"{owner}\x00{capability}\x00{role}".encode()
    return hashlib.blake2b(text + b"\x00" + item, digest_size=32).digest()


def _connect(path: Path) -> sqlite3.Connection:
    base = sqlite3.connect(path, timeout=60)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("CREATE TABLE IF NOT EXISTS embedding (key BLOB PRIMARY KEY, shape TEXT, content BLOB) WITHOUT ROWID")
    base.execute("CREATE TABLE IF NOT EXISTS fingerprint (key TEXT PRIMARY KEY, said TEXT) WITHOUT ROWID")
    return base
