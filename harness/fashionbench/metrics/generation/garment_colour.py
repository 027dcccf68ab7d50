"""Correlation of the mean colour of a garment, as generated and as photographed, over the items of a task.

It is blind to the shape and the pattern of a garment, and tells whether what was asked for reaches the picture at all:
a model that always paints the same garment has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError, first_names
from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.jackknife import error_of, jackknife_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CHANNELS = ("red", "green", "blue")


def mean_colour(image: NDArray[np.uint8], inside: NDArray[np.bool_], item: str) -> Floats:
    """Return the mean level of each channel within a mask, float64 [3], from 0 to 255.

    :param image: RGB [H, W, 3].
    :param inside: the garment's pixels [H, W].
    :param item: what an error calls the image.
    :raises MetricError: where the mask covers no pixel.
    """
    if not inside.any():
        raise MetricError(f"the mask of {first_names([item])} covers no pixel at the size of the task")
    found: Floats = image[inside].mean(axis=0, dtype=np.float64)
    return found


def correlation(made: Floats, truth: Floats, persons: Sequence[int]) -> tuple[float, Floats, Interval | NoInterval]:
    """Return Pearson's correlation, by how much each person moves it, and an interval.

    The interval is that of Fisher's z (Fisher, 1921), artanh(r), whose error is found by leaving out one person at a
    time with all images of it.

    :param made: one value an image, float64 [n].
    :param truth: the same of the true images.
    :param persons: whom each image shows, as numbers from 0 on without a gap.
    :returns: the correlation; influences float64 [persons]; the interval, or why there is none.
    :raises MetricError: where one side does not vary, or there are fewer than three persons.
    """
    codes = np.asarray(persons)
    count = int(codes.max(initial=-1)) + 1
    if count < 3:
        raise MetricError(f"a correlation over {count} persons says nothing", remedy="measure more items")
    # About the means, so that sums of squares lose no digits.
    one, two = made - made.mean(), truth - truth.mean()
    sums = np.stack(
        [np.bincount(codes, weights, count) for weights in (np.ones_like(one), one, two, one**2, two**2, one * two)]
    )
    value = float(_pearson(sums.sum(axis=1)))
    if not np.isfinite(value):
        side = "generated images" if np.ptp(made) == 0 else "true images"
        raise MetricError(f"the garments of all {side} have one colour, so it correlates with nothing")
    left_out = _pearson(sums.sum(axis=1)[:, None] - sums)
    if not np.isfinite(left_out).all():
        return value, np.zeros(count), NoInterval("without one of the persons a side does not vary")
    influences = (count - 1) / count * (left_out.mean() - left_out)
    bound = 1 - np.finfo(np.float64).eps
    scores = np.arctanh(np.clip(left_out, -bound, bound))
    error = error_of((count - 1) / count * (scores.mean() - scores))
    found = jackknife_interval(float(np.arctanh(np.clip(value, -bound, bound))), error, count)
    if isinstance(found, Interval):
        low, high = np.tanh(found.low), np.tanh(found.high)
        found = Interval(float(low), float(high), f"{found.method} of Fisher's z")
    return value, influences, found


def _pearson(sums: Floats) -> Floats:
    """Return the correlation of sums of 1, x, y, x², y² and xy, [6] or [6, n]; NaN where a side does not vary."""
    n, x, y, xx, yy, xy = sums
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt(np.maximum(0, n * xx - x**2)) * np.sqrt(np.maximum(0, n * yy - y**2))
        found: Floats = np.where(spread > 0, (n * xy - x * y) / spread, np.nan)
    return np.clip(found, -1, 1)
