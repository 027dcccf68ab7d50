"""Features of images by extractor and image hash, computed once for all cells of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import MetricError
from fashionbench.runner.embedding_cache import embedding_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.extractor_loader import ExtractorLoader

#: Features that are written at once; an interrupted run loses no more than these.
_PART = 64


def _no_progress(count: int, kind: str) -> None:
    """Take no note of an image that is done."""


class ImageFeatures:
    """Computes features, and keeps them in the cache of the store.

    A key is the fingerprint of the extractor, the device, and the hash of the pixels, so that the photos of a data set
    are looked at once for each size, whatever is compared with them.

    :param extractors: loads them.
    :param cache: where features are kept; None keeps nothing.
    :param advance: called for each image that is done, as ``features``.
    """

    def __init__(
        self,
        extractors: ExtractorLoader,
        cache: EmbeddingCache | None,
        advance: Callable[[int, str], object] = _no_progress,
    ) -> None:
        self.extractors = extractors
        self._cache = cache
        self._advance = advance
        self._fresh: dict[bytes, NDArray[np.float32]] = {}

    def of(self, name: str, hashes: Iterable[str], read: Callable[[int], NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the features of images as [N, D].

        :param name: the extractor.
        :param hashes: of the pixels of each image.
        :param read: reads the image at a position; called for those alone whose features are not kept.
        :raises MetricError: where the extractor gives anything but one row of finite numbers for an image.
        """
        extractor = self.extractors(name)
        owner = extractor.fingerprint
        rows: list[NDArray[np.float32]] = []
        try:
            for position, image in enumerate(hashes):
                key = embedding_key(owner, f"features:{name}", self.extractors.device, bytes.fromhex(image))
                row = self._known(key, name)
                if row is None:
                    # One at a time: in a batch, features would depend on their neighbours in the last bits.
                    row = _checked(extractor.features([read(position)]), name, rows)
                    self._fresh[key] = row
                    if len(self._fresh) >= _PART:
                        self._keep(name)
                rows.append(row)
                self._advance(1, "features")
        finally:
            self._keep(name)
        if not rows:
            raise MetricError(f"there are no images to take features of {name} of")
        return np.stack(rows)

    def of_made(self, name: str, items: Sequence[str], read: Callable[[str], NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Return the features of images that have to be made before their pixels can be hashed, each made once.

        :param read: makes the image of an item.
        """
        made: NDArray[np.uint8]

        def hashes() -> Iterator[str]:
            nonlocal made
            for item in items:
                made = read(item)
                yield pixel_hash(made)

        return self.of(name, hashes(), lambda _position: made)

    def _known(self, key: bytes, name: str) -> NDArray[np.float32] | None:
        if key in self._fresh or self._cache is None:
            return self._fresh.get(key)
        kept = self._cache.get([key], name)
        return kept[0] if kept else None

    def _keep(self, name: str) -> None:
        """Write features; without a cache they stay in memory, so that an image that comes twice is looked at once."""
        if self._cache is not None and self._fresh:
            self._cache.put(list(self._fresh), np.stack(list(self._fresh.values())), name)
            self._fresh.clear()


def _checked(features: NDArray[np.float32], name: str, before: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.asarray(features, dtype=np.float32)
    length = before[0].size if before else "D"
    if found.ndim != 2 or len(found) != 1 or (before and found.shape[1] != length):
        raise MetricError(f"{name} gave features of the shape {list(found.shape)} for one image, not [1, {length}]")
    if not np.isfinite(found).all():
        raise MetricError(f"{name} gave features that are not finite", remedy="look at the extractor and its precision")
    row: NDArray[np.float32] = found[0]
    return row
