"""Find single embeddings in the files of galleries, for tasks that have some of the same items in another order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.files import regular_text
from fashionbench.json_reader import loads
from fashionbench.runner.gallery_format import GalleryFormat
from fashionbench.runner.row_checksum import row_checksum
from fashionbench.runner.stored_gallery import FACTS, FOLDER, KEY, SEAL, SEALS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class _Table:
    """The keys of one file, by their first eight bytes."""

    rows: NDArray[np.uint8]
    seals: NDArray[np.uint8]
    shape: tuple[int, ...]
    form: GalleryFormat
    starts: NDArray[np.uint64]
    order: NDArray[np.int64]

    def get(self, key: bytes) -> NDArray[np.float32] | None:
        start = np.frombuffer(key[:8], np.uint64)[0]
        first, last = (int(np.searchsorted(self.starts, start, side)) for side in ("left", "right"))
        for at in self.order[first:last].tolist():
            content = self.rows[at].tobytes()
            shape = "x".join(map(str, self.shape))
            if self.seals[at].tobytes() == key + row_checksum(key, shape, content):
                return self.form.unpacked(content).reshape(self.shape)
        return None


class GalleryLookup:
    """The galleries that lay in a cache when one of their owner was first looked for; one that is damaged has no row.

    :param folder: of the cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER
        self._tables: dict[str, list[_Table]] = {}

    def get(self, key: bytes, owner: str) -> NDArray[np.float32] | None:
        """Return an embedding of a backend by its key; None where no file has it."""
        if owner not in self._tables:
            opened = (_opened(path, owner) for path in sorted(self._folder.glob("*")))
            self._tables[owner] = [table for table in opened if table is not None]
        found = (table.get(key) for table in self._tables[owner])
        return next((row for row in found if row is not None), None)


def _opened(path: Path, owner: str) -> _Table | None:
    try:
        facts = loads(regular_text(path / FACTS))
        shape = tuple(int(size) for size in facts["shape"])
        if facts["owner"] != owner or not shape or min(shape) < 1:
            return None
        form = GalleryFormat.of(facts)
        seals = np.memmap(path / SEALS, np.uint8, "r").reshape(-1, SEAL)
        rows = np.memmap(path / form.file, np.uint8, "r").reshape(len(seals), form.row_bytes(shape))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    starts = np.ascontiguousarray(seals[:, : KEY // 4]).view(np.uint64)[:, 0]
    order = np.argsort(starts, kind="stable")
    return _Table(rows, seals, shape, form, starts[order], order)
