"""An index of files: content hash, image form and fault by path and state, in one SQLite file for all tasks of a store.

A file is read again when its size, its times or its inode have changed. Images are hashed and decoded in threads, for
Pillow and hashlib let go of the interpreter lock. An index is memory and no truth: each row has a checksum, and a file
that cannot be used is named once, and what it would have remembered is read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.image_files import READER
from fashionbench.data.images import decode_with_form, decoded, stamp
from fashionbench.data.packed_files import sha256
from fashionbench.errors import DataError
from fashionbench.sqlite_damage import DAMAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from fashionbench.data.images import Stamp

#: What an older reader found is not looked up.
_TABLE = f"checked_file_{READER}"
#: Files that could not be used; each task opens the index of its store, and the first one says it.
_given_up: set[Path] = set()
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
    :param reread: look at the bytes of every file, whatever is remembered of it, and remember that.
    :param warn: takes a line about an index that cannot be used.
    :param patience: seconds to wait for another run that holds the file.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        reread: bool = False,
        warn: Callable[[str], object] = lambda text: sys.stderr.write(f"{text}\n"),
        patience: float = 10.0,
    ) -> None:
        self._known: dict[tuple[str, bool], tuple[Stamp, FileFacts]] = {}
        self._path, self._reread, self._warn = path, reread, warn
        self._base: sqlite3.Connection | None = None
        if path is not None and path not in _given_up:
            self._base = self._opened(path, patience)

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
                if not self._reread:
                    facts |= self._recalled(states, decode_images=decode_images)
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
        return self._recalled({path: state}, decode_images=decode_images).get(path)

    def _recalled(self, states: Mapping[Path, Stamp], *, decode_images: bool) -> dict[Path, FileFacts]:
        """Return what is known of those of some files that have not changed; the base is asked once for all."""
        keys = {path: _key(path, decode_images=decode_images) for path in states}
        asked = [key[0] for key in keys.values() if key not in self._known]
        if self._base is not None and asked:
            marks = ", ".join("?" * len(asked))
            query = f"SELECT path, decoded, state, sha256, fault, form, checksum FROM {_TABLE} "  # noqa: S608
            query += f"WHERE decoded = ? AND path IN ({marks})"
            try:
                rows = self._base.execute(query, (decode_images, *asked)).fetchall()
            except DAMAGE as error:
                self._give_up(error)
                rows = []
            for name, _, state, *facts, checksum in rows:
                # A row that is not what was written is read again, and replaced.
                if checksum == _checksum(name, decode_images, state, *facts):
                    self._known[name, decode_images] = (_state(state), FileFacts(*facts))
        found = ((path, self._known.get(key)) for path, key in keys.items())
        return {path: kept[1] for path, kept in found if kept is not None and kept[0] == states[path]}

    def _remember(self, fresh: dict[Path, FileFacts], states: dict[Path, Stamp], *, decode_images: bool) -> None:
        rows = []
        for path, facts in fresh.items():
            key = _key(path, decode_images=decode_images)
            self._known[key] = (states[path], facts)
            row = (*key, json.dumps(states[path]), facts.sha256, facts.fault, facts.form)
            rows.append((*row, _checksum(*row)))
        if self._base is not None and rows:
            try:
                with self._base:
                    self._base.executemany(f"INSERT OR REPLACE INTO {_TABLE} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608
            except DAMAGE as error:
                self._give_up(error)

    def _opened(self, path: Path, patience: float) -> sqlite3.Connection | None:
        """Open the file; one that is damaged is put aside and begun anew, one that cannot be opened is left alone."""
        try:
            try:
                return _connect(path, patience)
            except sqlite3.OperationalError:
                raise
            except DAMAGE:
                aside = path.with_suffix(".damaged")
                path.replace(aside)
                self._warn(f"warning: the index {path.name} was damaged; it is put aside as {aside.name}")
                return _connect(path, patience)
        except (OSError, *DAMAGE) as error:
            self._give_up(error)
            return None

    def _give_up(self, error: Exception) -> None:
        """Say once that the index is not used, and go on without."""
        with contextlib.suppress(*DAMAGE):
            self.close()
        self._base = None
        if self._path is not None and self._path not in _given_up:
            _given_up.add(self._path)
            self._warn(f"warning: the index {self._path.name} is not used, and files are read again: {error}")


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


def _key(path: Path, *, decode_images: bool) -> tuple[str, bool]:
    text = os.path.abspath(path)  # noqa: PTH100  # must not follow links, which may change
    # A name that is no text in the file system's encoding is none for SQLite either.
    return text.encode("utf-8", "backslashreplace").decode(), decode_images


def _state(text: str) -> Stamp:
    size, modified, changed, inode = json.loads(text)
    return int(size), int(modified), int(changed), int(inode)


def _checksum(*columns: object) -> str:
    return hashlib.blake2b(json.dumps(columns).encode(), digest_size=16).hexdigest()


def _connect(path: Path, patience: float) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    base = sqlite3.connect(path, timeout=patience)
    try:
        base.execute("PRAGMA journal_mode=WAL")
        # In this mode the file stays whole whenever the machine stops, and the last rows may be lost.
        base.execute("PRAGMA synchronous=NORMAL")
        base.execute(
            f"CREATE TABLE IF NOT EXISTS {_TABLE} (path TEXT, decoded INTEGER, state TEXT, sha256 TEXT, fault TEXT,"
            " form TEXT, checksum TEXT, PRIMARY KEY (path, decoded)) WITHOUT ROWID"
        )
    except DAMAGE:
        base.close()
        raise
    return base
