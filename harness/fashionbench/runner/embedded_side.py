"""The embeddings of one side of a task as they are made: in memory, or in a file where they are many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.runner import stored_gallery
from fashionbench.runner.stored_gallery import GalleryPlace, StoredGallery

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.embedding_dtype import EmbeddingDtype
    from fashionbench.runner.embedding_memory import EmbeddingMemory
    from fashionbench.specs.capabilities import Capability, Role


class EmbeddedSide:
    """Rows of some items, in their order.

    A file of an earlier run is used from the beginning. Else the first batch tells how many bytes there will be, and it
    alone is in memory too. Without a cache there is no file.

    :param kept_as: hash of whose embeddings these are; None where they may not be kept.
    :param owner: the backend's id.
    :param dtype: what the rows are rounded to, and lie in a file as.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        capability: Capability,
        role: Role,
        *,
        memory: EmbeddingMemory,
        cache: EmbeddingCache | None,
        kept_as: str | None,
        owner: str,
        dtype: EmbeddingDtype = "float32",
    ) -> None:
        self.sources, self.capability, self.role = sources, capability, role
        self._memory = memory
        self._parts: list[NDArray[np.float32]] = []
        self._gallery: StoredGallery | None = None
        self._place: GalleryPlace | None = None
        self._warn: Callable[[str], object] = lambda _: None
        self._shared = False
        held = memory.held(capability, role, sources)
        if held is not None:
            self._gallery, self._shared = held, True
        elif cache is not None and cache.folder is not None:
            kind = f"{capability}:{memory.role(role)}"
            self._warn = cache.warn
            self._place = GalleryPlace.of(cache.folder, owner, kept_as, kind, sources, dtype)
            shape = self._place.shape(len(sources))
            if shape is not None:
                self._begin(shape)

    @property
    def in_file(self) -> bool:
        """Whether rows go to a file, and neither to memory nor to the cache of single rows."""
        return self._gallery is not None

    def read(self, keys: Sequence[bytes], at: int) -> NDArray[np.float32] | None:
        """Return the rows from a place on from the file; None where one of them is not there."""
        return None if self._gallery is None else self._gallery.read(keys, at)

    def add(self, keys: Sequence[bytes], rows: NDArray[np.float32], *, read: bool = False) -> None:
        """Take the next rows.

        :param keys: of their embeddings; none where they may not be kept, or are kept elsewhere.
        :param read: whether :meth:`read` gave them.
        """
        if self._shared:
            return
        if self._gallery is not None and self._gallery.shape != rows.shape[1:]:  # what it is said to hold, it does not
            self._gallery.close()
            self._gallery = None
        if self._gallery is None and not self._parts and rows.nbytes // len(rows) * len(self.sources) >= self._large:
            self._begin(rows.shape[1:])
        if self._gallery is None:
            self._parts.append(rows)
        else:
            self._gallery.add(keys, rows, read=read)

    @property
    def whole(self) -> NDArray[Any]:
        """All rows, as a map of their file, in its type, where they are in one."""
        return np.concatenate(self._parts) if self._gallery is None else self._gallery.rows

    @property
    def _large(self) -> float:
        return float("inf") if self._place is None else stored_gallery.LARGE

    def _begin(self, shape: tuple[int, ...]) -> None:
        assert self._place is not None  # noqa: S101
        try:
            self._gallery = StoredGallery(self._place, self.sources, shape, self._warn)
        except OSError as error:
            self._warn(f"warning: a gallery stays in memory, for it has no file in the cache: {error}")
            self._place = None
            return
        self._memory.hold(self.capability, self.role, self._gallery)
