"""The pixels of an item's image as RGB on white."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data import images
from fashionbench.errors import BackendError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

    from fashionbench.data.items import ImageItem


def rgb_on_white(item: ImageItem) -> Image:
    """Convert the image of an item to RGB of eight bits a channel; what is transparent is laid on white.

    :raises BackendError: on an image without a faithful form in RGB of eight bits, naming the item.
    """
    try:
        return images.rgb_on_white(item.image)
    except DataError as error:
        raise BackendError(f"item {item.id!r}: {error.message}", remedy=error.remedy) from error
