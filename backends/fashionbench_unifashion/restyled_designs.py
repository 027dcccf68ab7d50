"""Style transfer as design: a garment's photo in the place of the person, painted anew within the garment's mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.data.items import DesignItem
from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from fashionbench.data.items import StyleTransferItem

#: What the densepose image of a photo shows on which there is nobody.
NOBODY = (0, 0, 0)


def as_design(item: StyleTransferItem) -> DesignItem:
    """Return the design that shows a garment in another style.

    The garment's mask is what is painted, and its sketch gives the shape.

    :raises BackendError: where the item has no mask or no sketch of the garment.
    """
    lacking = [name for name in ("garment-mask", "sketch") if name not in item.conditions]
    if lacking:
        msg = f"{item.id} has no {' and no '.join(lacking)} of the garment"
        raise BackendError(msg, remedy="this model paints within a mask, by a sketch")
    conditions = {
        "agnostic-mask": item.conditions["garment-mask"],
        "densepose": Image.new("RGB", item.garment.size, NOBODY),
    }
    return DesignItem(item.id, item.garment, item.text, item.conditions["sketch"], conditions)


def shown_style(item: StyleTransferItem) -> Image.Image:
    """Return what is read beside the words: the photo of the style, or the garment's sketch where there is none."""
    return item.conditions["sketch"] if item.style is None else item.style
