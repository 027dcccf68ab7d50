"""How much of a garment is kept, and how near its colours are to the wanted ones: silhouettes and colours in CIELAB.

The silhouette is the largest region that stands out from the even background of the photo, without its holes, as
:func:`~fashionbench.data.garment_contour.garment_of` finds it; that of the truth is its mask. CIELAB is that of CIE
15:2004 under D65 from sRGB (IEC 61966-2-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.garment_contour import garment_of
from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Mask = NDArray[np.bool_]
    Floats = NDArray[np.float64]

#: How far a colour must be from the background to count as garment, in levels; white cloth has darker edges alone.
TOLERANCE = 8
_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])


def silhouette_iou(made: Pixels, inside: Mask, item: str) -> float:
    """Return the area that the silhouettes share, of the area that either covers: from 0 to 1.

    :param made: RGB [H, W, 3].
    :param inside: the mask of the garment in the truth, [H, W].
    :param item: what the error calls the image.
    :raises MetricError: where the mask is empty, or of another size than the image.
    """
    _check(made, inside, item)
    found = garment_of(made, TOLERANCE)
    if found.all():  # nothing stands out
        found = np.zeros_like(found)
    return float((found & inside).sum() / (found | inside).sum())


def colour_distance(made: Pixels, truth: Pixels, inside: Mask, item: str) -> float:
    """Return how far the colours of two images are apart within a mask, in units of CIELAB (CIE 1976).

    Of each channel the distance is Wasserstein's (p = 1) between the two distributions of its values; the three are
    joined by the root of the sum of their squares. Colours that are all moved by one vector are apart by its length;
    where a second colour stands does not matter, and how much there is of it does.

    :raises MetricError: where the mask is empty, or of another size than an image.
    """
    for image in (made, truth):
        _check(image, inside, item)
    # Of as many values on both sides it is the mean difference of those of one rank.
    one, two = (np.sort(lab(image[inside]), axis=0) for image in (made, truth))
    return float(np.sqrt((np.abs(one - two).mean(axis=0) ** 2).sum()))


def lab(rgb: NDArray[np.uint8]) -> Floats:
    """Convert sRGB [..., 3] to CIELAB under D65, channels last."""
    value = rgb.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _TO_XYZ.T / _WHITE
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _check(image: Pixels, inside: Mask, item: str) -> None:
    if inside.shape != image.shape[:2]:
        raise MetricError(f"the image of {item} is {image.shape[:2]}, and its mask {inside.shape}")
    if not inside.any():
        raise MetricError(f"the mask of {item} covers no pixel at the size of the task")
