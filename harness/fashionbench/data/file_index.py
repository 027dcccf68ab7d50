"""An index of files: content hash, image form and fault by path and state, in one SQLite file for all tasks of a store.

A file is read again when its size, its times or its inode have changed. Images are hashed and decoded in threads, for
Pillow and hashlib let go of the interpreter lock. An index that cannot be read or written is a memory that is gone,
not an error: files are then read again.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.image_files import READER
from fashionbench.data.images import decode_with_form, decoded, stamp
from fashionbench.errors import DataError
from fashionbench.files import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from fashionbench.data.images import Stamp

#: What an older reader found is not looked up.
_TABLE = f"file_{READER}"
_PART = 256  # files looked at between two writes, so that an interrupted survey goes on from there


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a file.

    :param sha256: of its content, 64 hexadecimal digits.
    :param fault: why it is no image that can be decoded; empty where it can, or where nobody tried.
    :param form: of an image that was decoded, such as ``PNG`` or ``JPEG turned``; empty of others.
    """

    sha256: str
    fault: str = ""
    form: str = ""


class FileIndex:
    """Facts about files by path, remembered while a file does not change.

    :param path: the SQLite file; None remembers in this object alone.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._known: dict[tuple[str, bool], tuple[Stamp, FileFacts]] = {}
        self._base = None if path is None else _connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def look(
        self, paths: Iterable[Path], *, decode_images: bool, advance: Callable[[int], object] = lambda _: None
    ) -> dict[Path, FileFacts]:
        """Hash files, and decode those that are images; what has not changed since the last time is not read.

        :param paths: existing files.
        :param decode_images: also try to decode each.
        :param advance: called with the number of files that were looked at.
        :raises OSError: where a file cannot be read.
        """
        wanted = list(dict.fromkeys(paths))
        facts: dict[Path, FileFacts] = {}
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, len(wanted), _PART):
                part = wanted[start : start + _PART]
                states = {path: stamp(path) for path in part}
                for path, state in states.items():
                    known = self._recall(path, state, decode_images=decode_images)
                    if known is not None:
                        facts[path] = known
                unknown = [path for path in part if path not in facts]
                looked = pool.map(lambda path: _look(path, states[path], decode_images=decode_images), unknown)  # noqa: B023
                fresh = dict(zip(unknown, looked, strict=True))
                self._remember(fresh, states, decode_images=decode_images)
                facts |= fresh
                advance(len(part))
        return facts

    def content_hash(self, path: Path) -> str | None:
        """Return the SHA-256 of a file that was looked at before and has not changed since; None otherwise."""
        try:
            state = stamp(path)
        except OSError:
            return None
        known = self._recall(path, state, decode_images=True) or self._recall(path, state, decode_images=False)
        return None if known is None else known.sha256

    def _recall(self, path: Path, state: Stamp, *, decode_images: bool) -> FileFacts | None:
        key = (os.path.abspath(path), decode_images)  # noqa: PTH100  # must not follow links, which may change
        kept = self._known.get(key)
        if kept is None and self._base is not None:
            with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
                query = f"SELECT state, sha256, fault, form FROM {_TABLE} WHERE path = ? AND decoded = ?"  # noqa: S608
                row = self._base.execute(query, key).fetchone()
                if row is not None:
                    kept = (_state(row[0]), FileFacts(*row[1:]))
                    self._known[key] = kept
        return kept[1] if kept is not None and kept[0] == state else None

    def _remember(self, fresh: dict[Path, FileFacts], states: dict[Path, Stamp], *, decode_images: bool) -> None:
        rows = []
        for path, facts in fresh.items():
            key = (os.path.abspath(path), decode_images)  # noqa: PTH100
            self._known[key] = (states[path], facts)
            rows.append((*key, json.dumps(states[path]), facts.sha256, facts.fault, facts.form))
        if self._base is not None and rows:
            with contextlib.suppress(sqlite3.Error), self._base:
                self._base.executemany(f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?)", rows)  # noqa: S608


def _look(path: Path, state: Stamp, *, decode_images: bool) -> FileFacts:
    checksum = sha256(path)
    if not decode_images:
        return FileFacts(checksum)
    try:
        image, form = decode_with_form(path)
    except DataError as error:
        cause = error.__cause__ or error
        said = cause.message if isinstance(cause, DataError) else f"{type(cause).__name__}: {cause}"
        return FileFacts(checksum, said)
    decoded.put(path, state, image)
    return FileFacts(checksum, form=form)


def _state(text: str) -> Stamp:
    size, modified, changed, inode = json.loads(text)
    return int(size), int(modified), int(changed), int(inode)


def _connect(path: Path) -> sqlite3.Connection | None:
    """Open the index; one that is damaged is put aside and begun anew, one that cannot be opened is left alone."""
    for _ in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            base = sqlite3.connect(path, timeout=10)
            base.execute("PRAGMA journal_mode=WAL")
            # In this mode the file stays whole whenever the machine stops, and the last rows may be lost.
            base.execute("PRAGMA synchronous=NORMAL")
            base.execute(
                f"CREATE TABLE IF NOT EXISTS {_TABLE} (path TEXT, decoded INTEGER, state TEXT, sha256 TEXT, fault TEXT,"
                " form TEXT, PRIMARY KEY (path, decoded)) WITHOUT ROWID"
            )
        except sqlite3.OperationalError:
            return None
        except sqlite3.DatabaseError:
            with contextlib.suppress(OSError):
                path.replace(path.with_suffix(".damaged"))
        except OSError:
            return None
        else:
            return base
    return None
