"""Images behind stored predictions: generated ones from the store, photos and masks from the opened task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from fashionbench.data.image_opener import opened_image
from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import FashionBenchError, MetricError
from fashionbench.predictions.images import SCHEMA, image_rows
from fashionbench.runner.image_features import ImageFeatures
from fashionbench.runner.task import HasImages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.data.task_images import TaskImages
    from fashionbench.extractors.base import Extractor
    from fashionbench.predictions.base import Predictions
    from fashionbench.predictions.images import ImageRow, Side
    from fashionbench.records.store import Store
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.extractor_loader import ExtractorLoader
    from fashionbench.runner.task import Task

    Pixels = NDArray[np.uint8] | NDArray[np.bool_]
    P = TypeVar("P", NDArray[np.uint8], NDArray[np.bool_])

T = TypeVar("T")


def image_access(
    predictions: Predictions,
    task: Task | None,
    store: Store,
    extractors: ExtractorLoader,
    cache: EmbeddingCache | None,
    advance: Callable[[int, str], object],
) -> StoredImages | None:
    """Give metrics access to the images behind predictions; None where the schema has no images.

    :param task: the opened task; None where its data are not at hand.
    """
    if predictions.schema_id != SCHEMA:
        return None
    images = task.images() if isinstance(task, HasImages) else None
    return StoredImages(
        image_rows(predictions.table), store, images, ImageFeatures(extractors, cache, advance), advance
    )


class StoredImages:
    """The images of one cell, as :class:`fashionbench.metrics.image_access.ImageAccess` asks for them.

    :param task: the images of the task's data; None where they are not at hand.
    :param advance: called for each generated image that a metric is done with, as ``comparison``.
    """

    def __init__(
        self,
        rows: list[ImageRow],
        store: Store,
        task: TaskImages | None,
        features: ImageFeatures,
        advance: Callable[[int, str], object],
    ) -> None:
        self._sides = {side: {row.item_id: row for row in rows if row.side == side} for side in ("generated", "real")}
        self._store = store
        self._task = task
        self._features = features
        self._advance = advance
        self._known: dict[tuple[str, Side], NDArray[np.float32]] = {}
        self._shared: dict[str, Any] = {}

    def generated(self, item_id: str) -> NDArray[np.uint8]:
        """Return what the backend generated.

        :raises StoreError: where the file is missing or damaged.
        """
        content = self._store.predictions.read_image(self._row(item_id, "generated").image)
        with opened_image(content) as image:
            return np.asarray(image)

    def truth(self, item_id: str) -> NDArray[np.uint8]:
        """Return the true image.

        :raises MetricError: where there is none, or it is not the one that the predictions name.
        """
        return self._verified("true image", item_id, self._row(item_id, "generated").truth, lambda of: of.truth)

    def mask(self, item_id: str) -> NDArray[np.bool_]:
        """Return the mask; raises as :meth:`truth` does."""
        return self._verified("mask", item_id, self._row(item_id, "generated").mask, lambda of: of.mask)

    def garment(self, item_id: str) -> NDArray[np.uint8]:
        """Return the photo of the garment; raises as :meth:`truth` does."""
        expected = self._row(item_id, "generated").garment
        return self._verified("garment photo", item_id, expected, lambda of: of.garment)

    def real(self, name: str) -> NDArray[np.uint8]:
        """Return a real photo; raises as :meth:`truth` does."""
        return self._verified("photo", name, self._row(name, "real").pixels, lambda of: of.real)

    def text(self, item_id: str) -> str:
        """Return the wanted garment in words.

        :raises MetricError: where there is no text.
        """
        text = self._row(item_id, "generated").text
        if not text:
            raise MetricError(f"{item_id} has no text")
        return text

    def items(self) -> Iterator[str]:
        """Go over the ids of the generated images, and count each when the next one is asked for."""
        for name in self._sides["generated"]:
            yield name
            self._advance(1, "comparison")

    def features(self, extractor: str, side: Side) -> NDArray[np.float32]:
        """Return the features [N, D] of one side in the order of the table."""
        if (extractor, side) not in self._known:
            rows = list(self._sides[side].values())
            read = self.generated if side == "generated" else self.real
            found = self._features.of(extractor, [row.pixels for row in rows], lambda at: read(rows[at].item_id))
            self._known[extractor, side] = found
        return self._known[extractor, side]

    def features_of(
        self, extractor: str, items: Sequence[str], read: Callable[[str], NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return the features [N, D] of images that a metric makes."""
        return self._features.of_made(extractor, items, read)

    def extractor(self, name: str) -> Extractor:
        """Load an extractor."""
        return self._features.extractors(name)

    def shared(self, name: str, compute: Callable[[], T]) -> T:
        """Compute something once; an error that a user can act on is also met once, and raised to each that asks."""
        if name not in self._shared:
            try:
                self._shared[name] = compute()
            except FashionBenchError as error:
                self._shared[name] = error
        found = self._shared[name]
        if isinstance(found, FashionBenchError):
            raise found
        return cast("T", found)

    def _row(self, name: str, side: Side) -> ImageRow:
        if name not in self._sides[side]:
            raise MetricError(f"there is no {side} image {name} in the predictions")
        return self._sides[side][name]

    def _verified(self, what: str, name: str, expected: str, reader: Callable[[TaskImages], Callable[[str], P]]) -> P:
        if not expected:
            raise MetricError(f"{name} has no {what}")
        if self._task is None:
            msg = f"the {what} of {name} lies with the data set, which was not opened"
            raise MetricError(msg, remedy="say where it lies with --data NAME=FOLDER, or run the cell again")
        pixels = reader(self._task)(name)
        if pixel_hash(pixels) != expected:
            msg = f"the {what} of {name} is not the one that was there when the backend was asked"
            raise MetricError(msg, remedy="restore the data set's file, or run the cell again with --rerun")
        return pixels
