"""Mask files read as two values: grey, 0 and 1, palettes and alpha are understood, and anything else is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.data.image_files import check_aspect, open_image
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Levels = NDArray[np.uint8]

#: The least and the largest part of an image that a mask covers.
COVERAGE = (0.0005, 0.95)
#: The part of a mask that may lie between its two values: what antialiasing and JPEG leave along an outline.
_BETWEEN = 0.05
#: Levels this close together are labels such as 0 and 1, and not shades along an outline.
_LABELS = 64
#: The largest difference of two colours of one pixel that is grey after JPEG.
_GREY = 48


def read_mask(path: Path, photo: Path | None = None, *, frame: bool = True) -> Image.Image:
    """Read a mask at its own size as the levels 0, outside, and 255, inside.

    Inside is what is lighter, or of a larger number where there is no colour; or what is opaque, where the alpha
    varies.

    :param photo: the image that it is a mask of, where that is at hand: of any size, but of the same aspect ratio.
    :param frame: whether it is a mask in a photo, whose four corners lie outside; False for that of a garment's photo.
    :raises DataError: naming the file, where it is no mask of two values, covers nothing or all, or would have to be
        stretched to fit its photo.
    """
    image = open_image(path, own_range=True).image
    try:
        inside = _inside(image)
        covered = float(inside.mean())
        if not COVERAGE[0] <= covered <= COVERAGE[1]:
            least, most = (f"{100 * part:g} %" for part in COVERAGE)
            raise _refused(f"it covers {100 * covered:.4g} % of the image, and a mask covers {least} to {most}")
        if frame and inside[[0, 0, -1, -1], [0, -1, 0, -1]].all():
            raise _refused("its four corners are inside, so that it looks inverted")
    except DataError as error:
        raise DataError(f"the mask {path} cannot be used: {error.message}", remedy=error.remedy) from error
    if photo is not None:
        check_aspect("mask", path, image.size, photo)
    return Image.fromarray(np.where(inside, 255, 0).astype(np.uint8))


def _inside(image: Image.Image) -> NDArray[np.bool_]:
    if image.has_transparency_data:
        layer = np.asarray(image.convert("RGBA"))
        alpha, colours = layer[..., 3], layer[..., :3]
        if alpha.min() != alpha.max():
            return _of_alpha(alpha, colours)
        if alpha.max() == 0:
            raise _refused("it is wholly transparent")
        return _of_colours(colours)
    if image.mode == "P":
        return _of_palette(image)
    return _of_colours(np.asarray(image.convert("RGB")))


def _of_alpha(alpha: Levels, colours: Levels) -> NDArray[np.bool_]:
    """Take the alpha, unless the colours are a mask too, and another one."""
    inside = _two_valued(alpha)
    try:
        other = _of_colours(colours)
    except DataError:  # one colour, or a photo that was cut out
        return inside
    # What lies under full transparency is often black, whatever the colours say elsewhere.
    if (other != inside)[alpha > 0].mean() > _BETWEEN:
        raise _refused("its alpha is one mask, and its colours are another one")
    return inside


def _of_palette(image: Image.Image) -> NDArray[np.bool_]:
    numbers = np.asarray(image)
    used = np.unique(numbers)
    colours = np.asarray(image.convert("RGB"))
    grey = int(_spread(colours).max()) == 0
    if used.size > 2 and not grey:
        raise _refused(f"it holds {used.size} labels, {', '.join(map(str, used[:5]))}")
    if used.size == 2 and len(np.unique(_light(colours))) == 1:
        return np.asarray(numbers == used[1])
    return _of_colours(colours)


def _of_colours(colours: Levels) -> NDArray[np.bool_]:
    light = _light(colours)
    # Two colours make a mask; of more, as after JPEG, all must be grey.
    if float((_spread(colours) > _GREY).mean()) > _BETWEEN:
        packed = colours.astype(np.uint32) @ np.array([65536, 256, 1], dtype=np.uint32)
        if len(np.unique(packed)) > 2:
            raise _refused("it is a picture in colours")
    return _two_valued(light)


def _spread(colours: Levels) -> Levels:
    """Return how far the channels of each pixel are apart; a tenth of the time of ``np.ptp`` over the last axis."""
    red, green, blue = (colours[..., channel] for channel in range(3))
    spread: Levels = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return spread


def _light(colours: Levels) -> Levels:
    light: Levels = np.asarray(Image.fromarray(np.ascontiguousarray(colours)).convert("L"))
    return light


def _two_valued(levels: Levels) -> NDArray[np.bool_]:
    values = np.unique(levels)
    low, high = int(values[0]), int(values[-1])
    if low == high:
        raise _refused(f"it holds one value, {low}, and covers all or nothing")
    if len(values) > 2:
        if high - low < _LABELS:
            raise _refused(f"it holds {len(values)} labels, {', '.join(map(str, values[:5]))}")
        quarter = (high - low) / 4
        between = float(((levels > low + quarter) & (levels < high - quarter)).mean())
        if between > _BETWEEN:
            raise _refused(f"{100 * between:.3g} % of its pixels are neither black nor white")
    return np.asarray(levels.astype(np.float32) > (low + high) / 2)


def _refused(said: str) -> DataError:
    return DataError(said, remedy="write black outside and white inside, in one channel of a PNG")
