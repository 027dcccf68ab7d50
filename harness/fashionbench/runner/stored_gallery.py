"""Embeddings of a large gallery in a memory-mapped file of float32 or float16, written by ranges of items."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import weakref
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from fashionbench.files import regular_text, write_text
from fashionbench.json_reader import loads
from fashionbench.locks import LockedError, locked
from fashionbench.runner.gallery_format import GalleryFormat
from fashionbench.runner.row_checksum import row_checksum
from fashionbench.runner.source_key import source_key

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.embedding_dtype import EmbeddingDtype

#: The folder of galleries in a store's cache, and the files of one beside its rows.
FOLDER, SEALS, FACTS = "galleries", "seals.bin", "gallery.json"
#: Bytes of float32 from which the rows of one side are kept in a file and not in memory.
LARGE = 256 << 20
#: Bytes beside each row: the key of its embedding, and a checksum over key, shape and numbers.
KEY, SEAL = 32, 48


@dataclass(frozen=True, slots=True)
class GalleryPlace:
    """Where the rows of a gallery lie.

    :param folder: of the cache.
    :param name: of what decides which items these are; empty where nothing may be kept, and a temporary file is used.
    :param owner: the backend's id.
    :param form: of its rows.
    """

    folder: Path
    name: str
    owner: str
    form: GalleryFormat

    @classmethod
    def of(
        cls,
        folder: Path,
        owner: str,
        kept_as: str | None,
        kind: str,
        sources: Sequence[Source],
        dtype: EmbeddingDtype = "float32",
    ) -> GalleryPlace:
        """Name the place of some items.

        :param kept_as: whose embeddings these are, and rounded to what; None where they may not be kept.
        :param kind: capability and role.
        """
        form = GalleryFormat(dtype)
        if not kept_as:
            return cls(folder / FOLDER, "", owner, form)
        ids = hashlib.blake2b(f"{kept_as}\x00{kind}".encode(), digest_size=12)
        for source in sources:
            ids.update(b"\x00" + source.id.encode("utf-8", "surrogatepass"))
        return cls(folder / FOLDER, ids.hexdigest(), owner, form)

    def shape(self, count: int) -> tuple[int, ...] | None:
        """Return the shape of a row that is kept there; None where nothing fit is."""
        if not self.name:
            return None
        root = self.folder / self.name
        try:
            facts = loads(regular_text(root / FACTS))
            shape = tuple(size for size in facts["shape"] if isinstance(size, int) and size > 0)
            form = GalleryFormat.of(facts)
            sizes = (root / form.file).stat().st_size, (root / SEALS).stat().st_size
        except (OSError, ValueError, KeyError, TypeError):
            return None
        fits = form == self.form and sizes == (count * form.row_bytes(shape), count * SEAL)
        return shape if shape and fits else None


class StoredGallery:
    """The rows of one gallery, in its order. They are memory and no truth: a row that does not fit its seal is a miss.

    A seal is the key of the embedding, which says whose it is and of what, and a checksum. One run at a time writes in
    the folder of a gallery; another one takes what fits from there, and writes a temporary file. Where the disk takes
    no more, the rest stays in memory.

    :param shape: of a row.
    :param warn: takes a line about a file that cannot be used.
    :raises OSError: where no file can be made.
    """

    def __init__(
        self, place: GalleryPlace, sources: Sequence[Source], shape: tuple[int, ...], warn: Callable[[str], object]
    ) -> None:
        self.shape, self._sources, self._warn = shape, sources, warn
        self.done = 0
        self._form = place.form
        self._row = self._form.row_bytes(shape)
        self._held = ExitStack()
        weakref.finalize(self, self._held.close)
        self._kept: tuple[IO[bytes], IO[bytes]] | None = None
        self._memory: NDArray[Any] | None = None
        self._order: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None
        own = self._open(place) if place.name else False
        self._seals: IO[bytes] | None = None
        self._file: IO[bytes]
        if self._kept is not None and own:
            self._file, self._seals = self._kept
        else:
            place.folder.mkdir(parents=True, exist_ok=True)
            file = tempfile.TemporaryFile(dir=place.folder, buffering=0)  # noqa: SIM115 (closed with what is held)
            self._file = self._held.enter_context(file)
            self._file.truncate(len(sources) * self._row)
        # Written through the file and not through the map, so that pages that are written count for no process.
        self._map = np.memmap(self._file, self._form.dtype, "r", shape=(len(sources), *shape))

    @property
    def rows(self) -> NDArray[Any]:
        """All rows, in the type of the file; those from ``done`` on mean nothing."""
        return self._map if self._memory is None else self._memory

    def read(self, keys: Sequence[bytes], at: int) -> NDArray[np.float32] | None:
        """Return the rows from a place on; None where one of them is not there, or is not what was written.

        :param keys: of the embeddings that they should be.
        """
        if self._kept is None or not keys:
            return None
        rows, seals = self._kept
        try:
            rows.seek(at * self._row)
            seals.seek(at * SEAL)
            content, sealed = rows.read(len(keys) * self._row), seals.read(len(keys) * SEAL)
        except OSError:
            return None
        if len(content) != len(keys) * self._row or sealed != self._sealed(keys, content):
            return None
        return self._form.unpacked(content).reshape(len(keys), *self.shape)

    def add(self, keys: Sequence[bytes], rows: NDArray[np.float32], *, read: bool = False) -> None:
        """Take the next rows, whose numbers the type of the file has.

        :param keys: of their embeddings; none where they may not be kept.
        :param read: whether :meth:`read` gave them.
        """
        stop = self.done + len(rows)
        if self._memory is None and not (read and self._seals is not None):
            content = self._form.packed(rows)
            try:
                _write(self._file, self.done * self._row, content)
                if self._seals is not None and keys:
                    _write(self._seals, self.done * SEAL, self._sealed(keys, content))
            except OSError as error:
                self._warn(f"warning: a gallery stays in memory, for its file in the cache cannot be written: {error}")
                memory = np.empty((len(self._sources), *self.shape), self._form.dtype)
                memory[: self.done] = self._map[: self.done]
                self._memory = memory
        if self._memory is not None:
            self._memory[self.done : stop] = rows
        self.done = stop

    def holds(self, sources: Sequence[Source]) -> bool:
        """Tell whether all rows are there, and are those of these very items."""
        own = self._sources
        return self.done == len(own) == len(sources) and all(a is b for a, b in zip(own, sources, strict=True))

    def close(self) -> None:
        """Let go of the files, before others are made in their place."""
        self._held.close()

    def find(self, source: Source, key: Hashable) -> NDArray[np.float32] | None:
        """Return the row of an item that was added, by its :func:`source_key`.

        Sorted hashes take 16 bytes an item, where a dictionary takes ten times that.
        """
        if self._order is None:
            hashes = np.fromiter((hash(source_key(one)) for one in self._sources), np.int64, len(self._sources))
            order = np.argsort(hashes, kind="stable")
            self._order = hashes[order], order
        hashes, order = self._order
        value = np.int64(hash(key))
        for at in order[np.searchsorted(hashes, value) : np.searchsorted(hashes, value, side="right")].tolist():
            if at < self.done and (self._sources[at] is source or source_key(self._sources[at]) == key):
                row: NDArray[np.float32] = self.rows[at].astype(np.float32, copy=False)
                return row
        return None

    def _open(self, place: GalleryPlace) -> bool:
        """Open the files of a gallery, and tell whether they may be written."""
        root, count = place.folder / place.name, len(self._sources)
        try:
            self._held.enter_context(locked(root, "run"))
            own = True
        except LockedError:
            own = False
        if place.shape(count) != self.shape:
            if not own:
                return False
            for name, size in ((self._form.file, self._row), (SEALS, SEAL)):
                # Another file and not the same one cut, for somebody may have it mapped.
                (root / name).unlink(missing_ok=True)
                with (root / name).open("xb") as file:
                    file.truncate(count * size)
            facts = {"owner": place.owner, "rows": count, "shape": self.shape, **self._form.facts}
            write_text(root / FACTS, json.dumps(facts))
        with suppress(OSError):
            os.utime(root / FACTS)  # its last use
        mode: Any = "r+b" if own else "rb"
        rows, seals = (
            self._held.enter_context((root / name).open(mode, buffering=0)) for name in (self._form.file, SEALS)
        )
        self._kept = rows, seals
        return own

    def _sealed(self, keys: Sequence[bytes], content: bytes) -> bytes:
        shape = "x".join(map(str, self.shape))
        parts = (content[at * self._row : (at + 1) * self._row] for at in range(len(keys)))
        return b"".join(key + row_checksum(key, shape, part) for key, part in zip(keys, parts, strict=True))


@dataclass(frozen=True, slots=True)
class KeptGallery:
    """A gallery in a cache, for those who look at it.

    :param rows: those that are there.
    """

    path: Path
    owner: str
    rows: int
    bytes: int
    last_use: float

    def remove(self) -> None:
        """Remove its files.

        :raises OSError: where that is not allowed.
        """
        shutil.rmtree(self.path)


def kept_galleries(folder: Path) -> list[KeptGallery]:
    """List the galleries of a cache, with those that are damaged.

    :param folder: of the cache.
    """
    found = []
    for path in sorted((folder / FOLDER).glob("*")):
        if not path.is_dir():
            continue
        owner = ""
        with suppress(OSError, ValueError, KeyError, TypeError):
            owner = str(loads(regular_text(path / FACTS))["owner"])
        count = 0
        with suppress(OSError, ValueError):
            seals = np.memmap(path / SEALS, np.uint8, "r")
            count = int(seals[: len(seals) // SEAL * SEAL].reshape(-1, SEAL)[:, KEY:].any(axis=1).sum())
        stats = [file.stat() for file in path.iterdir() if file.is_file()]
        last = max((one.st_mtime for one in stats), default=0.0)
        found.append(KeptGallery(path, owner, count, sum(one.st_size for one in stats), last))
    return found


def _write(file: IO[bytes], at: int, content: bytes) -> None:
    """Write all of some bytes, for a file without a buffer may take a part."""
    left = memoryview(content)
    file.seek(at)
    while left:
        left = left[file.write(left) :]
