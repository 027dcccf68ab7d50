"""What a metric of images can ask for: pixels, texts, and features of extractors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.extractors.base import Extractor
    from fashionbench.predictions.images import Side

T = TypeVar("T")


class ImageAccess(Protocol):
    """The images behind a table of predictions of the schema ``images/2``.

    Every image is compared with its hash in the table before it is handed out. Each method raises MetricError or
    another FashionBenchError where what it is asked for is not there, or has changed; the metric is then absent with
    that reason.
    """

    def generated(self, item_id: str) -> NDArray[np.uint8]:
        """Return what the backend generated, RGB [H, W, 3]."""
        ...

    def truth(self, item_id: str) -> NDArray[np.uint8]:
        """Return the image that should have come out, RGB [H, W, 3]."""
        ...

    def mask(self, item_id: str) -> NDArray[np.bool_]:
        """Return where the garment is, or may be painted, [H, W]."""
        ...

    def garment(self, item_id: str) -> NDArray[np.uint8]:
        """Return the photo of the garment that the backend was shown, RGB [H, W, 3]."""
        ...

    def real(self, name: str) -> NDArray[np.uint8]:
        """Return a photo of the real side, RGB [H, W, 3]."""
        ...

    def text(self, item_id: str) -> str:
        """Return the wanted garment in words."""
        ...

    def items(self) -> Iterator[str]:
        """Go over the ids of the generated images in the order of the table; each counts as progress when it is done.

        For metrics that look at one image after the other.
        """
        ...

    def features(self, extractor: str, side: Side) -> NDArray[np.float32]:
        """Return the features [N, D] of one side in the order of the table; what was computed before is not again."""
        ...

    def features_of(
        self, extractor: str, items: Sequence[str], read: Callable[[str], NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return the features [N, D] of images that a metric makes, such as crops; kept by their pixels.

        :param read: makes the image of an item, RGB [H, W, 3].
        """
        ...

    def extractor(self, name: str) -> Extractor:
        """Load an extractor, for its fingerprint, or for the features of texts."""
        ...

    def shared(self, name: str, compute: Callable[[], T]) -> T:
        """Compute something once for all metrics of a scoring, such as several errors that one pass finds.

        :param name: what it is; begins with the name of the plugin.
        """
        ...
