"""Feature cache on disk for frozen encoders, because every baseline, fold and seed asks for the same features."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.sqlite_damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]


#: The name of the file in a backend's cache folder.
FILE = "frozen-features.sqlite"
#: Files that could not be used; a backend is built anew for each cell and fold, and says and waits once.
_given_up: set[Path] = set()


class FeatureCache:
    """A table of feature vectors, keyed by the hash of the encoder and of the content.

    One SQLite file serves all encoders and may be shared by processes. It is memory and no truth: every vector has a
    checksum, and one that is damaged counts as absent. A file that is no database is put aside as ``*.damaged`` and
    begun anew; one that is locked for long, or cannot be written, is named once and not used from then on.

    :param path: the database file.
    :param encoder: everything that decides the features of a given content, to the last bit.
    :param length: the number of features.
    :param warn: takes a line about a file that cannot be used.
    :param patience: seconds to wait for another process that holds the file.
    """

    def __init__(
        self,
        path: Path,
        encoder: str,
        length: int,
        warn: Callable[[str], object] = lambda text: sys.stderr.write(f"{text}\n"),
        patience: float = 60.0,
    ) -> None:
        self._warn, self._patience = warn, patience
        self._path = path
        self._encoder = encoder.encode()
        self._length = length
        self._base: sqlite3.Connection | None = None

    def features(self, contents: Sequence[bytes], encode: Callable[[list[int]], Floats]) -> Floats:
        """Read the features of each content, [N, length]; compute and keep those that are not there.

        :param contents: what is encoded, or a hash of it.
        :param encode: computes the features of the contents at these positions, [len(positions), length].
        """
        keys = [hashlib.blake2b(self._encoder + b"\0" + content, digest_size=32).digest() for content in contents]
        known = self._try(lambda: self._read(keys))
        first = {key: position for position, key in reversed(list(enumerate(keys))) if key not in known}
        positions = sorted(first.values())
        if positions:
            new = {keys[position]: row for position, row in zip(positions, encode(positions), strict=True)}
            self._try(lambda: self._write(new))
            known |= new
        return np.array([known[key] for key in keys], dtype=np.float32).reshape(len(keys), self._length)

    def _try(self, work: Callable[[], dict[bytes, Floats]]) -> dict[bytes, Floats]:
        """Do something with the file, and once more with a new one where it is damaged; nothing where it is given up.

        What cannot be read or kept is computed.
        """
        if self._path in _given_up:
            return {}
        try:
            try:
                return work()
            except sqlite3.OperationalError:
                raise
            except DAMAGE:
                self._put_aside()
                return work()
        except (*DAMAGE, OSError) as error:
            _given_up.add(self._path)
            self._warn(f"warning: the cache {self._path} is not used, and features are computed: {error}")
            return {}

    def _put_aside(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None
        aside = self._path.with_suffix(".damaged")
        self._path.replace(aside)
        self._warn(f"warning: the cache {self._path.name} was damaged; it is put aside as {aside.name}")

    def _connection(self) -> sqlite3.Connection:
        if self._base is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            base = sqlite3.connect(self._path, timeout=self._patience)
            base.execute("PRAGMA journal_mode=WAL")
            # In this mode the file stays whole whenever the machine stops, and the last rows may be lost.
            base.execute("PRAGMA synchronous=NORMAL")
            base.execute(
                "CREATE TABLE IF NOT EXISTS feature (key BLOB PRIMARY KEY, content BLOB, checksum BLOB) WITHOUT ROWID"
            )
            self._base = base
        return self._base

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        base = self._connection()
        known: dict[bytes, Floats] = {}
        for key in dict.fromkeys(keys):
            row = base.execute("SELECT content, checksum FROM feature WHERE key = ?", (key,)).fetchone()
            if row is not None and len(row[0]) == 4 * self._length and row[1] == _checksum(key, row[0]):
                known[key] = np.frombuffer(row[0], dtype="<f4").astype(np.float32)
        return known

    def _write(self, rows: dict[bytes, Floats]) -> dict[bytes, Floats]:
        contents = {key: np.ascontiguousarray(row, dtype="<f4").tobytes() for key, row in rows.items()}
        with self._connection() as base:
            base.executemany(
                "INSERT OR REPLACE INTO feature VALUES (?, ?, ?)",
                [(key, content, _checksum(key, content)) for key, content in contents.items()],
            )
        return {}


def _checksum(key: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(content, key=key, digest_size=16).digest()
