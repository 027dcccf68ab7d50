"""A metric that has one value for a whole set of images, on each slice of it: distances by category."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.extractors.base import Extractor
    from fashionbench.metrics.image_access import ImageAccess
    from fashionbench.predictions.images import Side

T = TypeVar("T")


def slice_tables(table: pa.Table) -> dict[str, pa.Table]:
    """Return the rows of each slice that has generated and real images; nothing where all are of one slice."""
    import pyarrow.compute as pc  # noqa: PLC0415

    pairs = zip(table.column("slice").to_pylist(), table.column("side").to_pylist(), strict=True)
    sides: dict[str, set[str]] = {}
    for name, side in pairs:
        sides.setdefault(name, set()).add(side)
    names = sorted(name for name, found in sides.items() if found == {"generated", "real"})
    return {name: table.filter(pc.equal(table.column("slice"), name)) for name in names} if len(names) > 1 else {}


class SlicedImages:
    """The images of one slice, as :class:`fashionbench.metrics.image_access.ImageAccess` gives those of the whole.

    :param images: of the whole table.
    :param name: the slice.
    """

    def __init__(self, images: ImageAccess, table: pa.Table, name: str) -> None:
        self._images = images
        self._name = name
        self._rows: dict[str, list[tuple[str, bool]]] = {"generated": [], "real": []}
        columns = (table.column(column).to_pylist() for column in ("item_id", "slice", "side"))
        for item, of_slice, side in zip(*columns, strict=True):
            self._rows[side].append((item, of_slice == name))

    def generated(self, item_id: str) -> NDArray[np.uint8]:
        """Return what the backend generated."""
        return self._images.generated(item_id)

    def truth(self, item_id: str) -> NDArray[np.uint8]:
        """Return the true image."""
        return self._images.truth(item_id)

    def mask(self, item_id: str) -> NDArray[np.bool_]:
        """Return the mask."""
        return self._images.mask(item_id)

    def garment(self, item_id: str) -> NDArray[np.uint8]:
        """Return the photo of the garment."""
        return self._images.garment(item_id)

    def real(self, name: str) -> NDArray[np.uint8]:
        """Return a photo of the real side."""
        return self._images.real(name)

    def text(self, item_id: str) -> str:
        """Return the wanted garment in words."""
        return self._images.text(item_id)

    def items(self) -> Iterator[str]:
        """Go over the ids of the slice's generated images."""
        return (item for item, inside in self._rows["generated"] if inside)

    def features(self, extractor: str, side: Side) -> NDArray[np.float32]:
        """Return the features of the slice's images on one side."""
        import numpy as np  # noqa: PLC0415

        whole = self._images.features(extractor, side)
        rows: NDArray[np.float32] = whole[np.asarray([inside for _, inside in self._rows[side]])]
        return rows

    def features_of(
        self, extractor: str, items: Sequence[str], read: Callable[[str], NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Return the features of images that a metric makes."""
        return self._images.features_of(extractor, items, read)

    def extractor(self, name: str) -> Extractor:
        """Load an extractor."""
        return self._images.extractor(name)

    def shared(self, name: str, compute: Callable[[], T]) -> T:
        """Compute something once for all metrics of this slice."""
        return self._images.shared(f"{name}/{self._name}", compute)
