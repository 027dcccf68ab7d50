"""The structural similarity of two images (Wang et al., *Image quality assessment*, IEEE TIP 13(4), 2004, eq. 13).

Means, variances and covariance are weighted by a Gaussian of 11 x 11 pixels and sigma 1.5, with K₁ = 0.01, K₂ = 0.03
and values in [0, 1]; each channel is compared on its own. Beyond an edge the image is mirrored about its last pixel,
and every pixel counts, as in torchmetrics; the authors' code leaves out the five nearest an edge instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_REACH, _SIGMA = 5, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_TAPS: Floats = np.exp(-((np.arange(-_REACH, _REACH + 1) / _SIGMA) ** 2) / 2)
_TAPS /= _TAPS.sum()


def structural_similarity(one: Floats, two: Floats) -> Floats:
    """Return the map [H, W] of two images [H, W, C] with values in [0, 1], the mean over channels; 1 where equal.

    :raises MetricError: for images of different sizes, or with a side below 6, which has nothing to mirror.
    """
    if one.shape != two.shape:
        raise MetricError(f"an image of {one.shape[:2]} cannot be compared with one of {two.shape[:2]}")
    if min(one.shape[:2]) <= _REACH:
        raise MetricError(
            f"SSIM looks {_REACH} pixels around, and an image is {one.shape[:2]}", remedy="make images larger"
        )
    # A channel at a time: the passes of the filter then fit into the cache of a processor.
    planes = (np.ascontiguousarray(np.moveaxis(side, 2, 0)) for side in (one, two))
    found: Floats = np.mean([_channel(left, right) for left, right in zip(*planes, strict=True)], axis=0)
    return found


def _channel(one: Floats, two: Floats) -> Floats:
    mean_one, mean_two = _smooth(one), _smooth(two)
    product, squares = mean_one * mean_two, mean_one**2 + mean_two**2
    # The sum of the variances is taken at once, which saves a filter and makes equal images exactly 1: rounding is
    # the same above and below the line. It may leave the sum below zero by 1e-16, which is nothing beside _C2.
    variances = _smooth(one**2 + two**2) - squares
    covariance = _smooth(one * two) - product
    found: Floats = ((2 * product + _C1) * (2 * covariance + _C2)) / ((squares + _C1) * (variances + _C2))
    return found


def _smooth(plane: Floats) -> Floats:
    rows = ndimage.correlate1d(plane, _TAPS, axis=0, mode="mirror")
    found: Floats = ndimage.correlate1d(rows, _TAPS, axis=1, mode="mirror")
    return found
