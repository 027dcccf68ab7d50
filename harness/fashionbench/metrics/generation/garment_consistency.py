"""Garment consistency: the cosine between features of a garment's photo and of where it is worn in a generated image.

What is worn is the box around the mask, with white outside the mask, in the middle of a white square; the photo stands
in the middle of a white square too, so that networks that cut squares out of the middle see all of both. A control that
copies the person wears the wrong garment there, and loses, where the distances between sets that it wins see nothing.
"""

from __future__ import annotations

from math import comb
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

_WHITE = 255


def worn_region(image: Pixels, inside: NDArray[np.bool_], item: str) -> Pixels:
    """Cut out what lies within a mask, on a white square.

    :param image: RGB [H, W, 3].
    :param inside: the mask, [H, W].
    :param item: what the error calls the image.
    :raises MetricError: where the mask is empty, or of another size than the image.
    """
    if inside.shape != image.shape[:2]:
        raise MetricError(f"the image of {item} is {image.shape[:2]}, and its mask {inside.shape}")
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        raise MetricError(f"the mask of {item} covers no pixel at the size of the task")
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return on_white_square(np.where(inside[box][..., None], image[box], _WHITE).astype(np.uint8))


def on_white_square(image: Pixels) -> Pixels:
    """Lay an image [H, W, 3] in the middle of a white square, as large as its longer side."""
    height, width = image.shape[:2]
    side = max(height, width)
    square: Pixels = np.full((side, side, 3), _WHITE, dtype=np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square


def cosines(one: NDArray[np.float32], two: NDArray[np.float32], items: list[str]) -> NDArray[np.float64]:
    """Return the cosine of each row of one with the same row of the other.

    :param items: what the error calls the rows.
    :raises MetricError: where a feature has no direction.
    """
    left, right = one.astype(np.float64), two.astype(np.float64)
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    if not lengths.all():
        raise MetricError(f"the features of {items[int(np.argmin(lengths))]} are zero", remedy="look at the extractor")
    found: NDArray[np.float64] = (left * right).sum(axis=1) / lengths
    return found


def hits_among(
    worn: NDArray[np.float32], shown: NDArray[np.float32], garments: list[str], items: list[str], among: int
) -> NDArray[np.float64]:
    """Return how probably each region is nearest to its own garment among so many garments, by the cosine.

    The others are drawn without replacement from the garments of all items; the mean over all draws is exact, that of
    the hypergeometric distribution. A garment that is as near as the own one counts as nearer.

    :param worn: features of the regions, [N, F].
    :param shown: features of the photos of the garments, [N, F], in the same order.
    :param garments: what tells the garments apart, by row.
    :param items: what the error calls the rows.
    :param among: how many garments there are in a draw, the own one included.
    :returns: [N], from 0 to 1.
    :raises MetricError: where there are fewer garments, or a feature has no direction.
    """
    first = {garment: row for row, garment in reversed(list(enumerate(garments)))}
    own = cosines(shown, worn, items)
    if len(first) < among:
        raise MetricError(f"{len(first)} garments were shown, and {among} are compared", remedy="measure more items")
    photos, names = shown[list(first.values())].astype(np.float64), list(first)
    lengths = np.linalg.norm(worn.astype(np.float64), axis=1)[:, None] * np.linalg.norm(photos, axis=1)[None]
    others = np.asarray(garments)[:, None] != np.asarray(names)[None]
    # Equal products may differ in the last bit where they are summed in another order.
    nearer = ((worn.astype(np.float64) @ photos.T / lengths >= own[:, None] - 1e-9) & others).sum(axis=1)
    total = comb(len(first) - 1, among - 1)
    return np.asarray([comb(len(first) - 1 - int(count), among - 1) / total for count in nearer])
