"""The pixels of an item's image as RGB on white."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from fashionbench.data.items import ImageItem

_WHITE = (255, 255, 255, 255)
_OPAQUE = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})
_TRANSPARENT = frozenset({"LA", "PA", "RGBA"})


def rgb_on_white(item: ImageItem) -> Image.Image:
    """Convert an image to RGB of eight bits a channel; what is transparent is laid on white, as in a product photo.

    :raises BackendError: on a mode that has no faithful eight-bit form, such as ``I;16`` or ``F``, or an image without
        pixels.
    """
    image = item.image
    if not (image.width and image.height):
        msg = f"image {item.id!r} is {image.width} x {image.height} pixels"
        raise BackendError(msg, remedy="give an image that has pixels")
    if image.mode in _TRANSPARENT or (image.mode in _OPAQUE and "transparency" in image.info):
        with_alpha = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), with_alpha).convert("RGB")
    if image.mode in _OPAQUE:
        return image.convert("RGB")
    msg = f"image {item.id!r} has the mode {image.mode}, which has no faithful form in RGB of eight bits"
    raise BackendError(msg, remedy="convert it to RGB when the data set is loaded")
