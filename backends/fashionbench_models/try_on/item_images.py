"""The photo and the mask of an item at the size that an inpainting network paints at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from fashionbench.data.items import DesignItem, TryOnItem


def photo_and_mask(item: TryOnItem | DesignItem, longer: int, step: int) -> tuple[Image.Image, Image.Image]:
    """Return the person as RGB and its agnostic mask of 0 and 255, both at sides that a VAE can divide.

    :param longer: the longer side in pixels; 0 for that of the photo.
    :param step: what both sides are divisible by.
    :raises BackendError: where there is no agnostic mask.
    """
    if "agnostic-mask" not in item.conditions:
        raise BackendError(f"{item.id} has no agnostic mask", remedy="use a data set with agnostic masks")
    scale = longer / max(item.person.size) if longer else 1.0
    width, height = (max(step, step * round(side * scale / step)) for side in item.person.size)
    mask = item.conditions["agnostic-mask"].convert("L").point(lambda level: 255 * (level > 127))
    return (
        item.person.convert("RGB").resize((width, height), Image.Resampling.LANCZOS),
        mask.resize((width, height), Image.Resampling.NEAREST),
    )


def on_white(photo: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a photo as RGB in the middle of a white image of this size, as large as its shape allows."""
    scale = min(size[0] / photo.width, size[1] / photo.height)
    width, height = (max(1, round(side * scale)) for side in photo.size)
    made = Image.new("RGB", size, "white")
    fitted = photo.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    made.paste(fitted, ((size[0] - width) // 2, (size[1] - height) // 2))
    return made
