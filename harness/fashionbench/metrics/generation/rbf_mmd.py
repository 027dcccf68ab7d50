"""The squared maximum mean discrepancy (MMD) with a Gaussian kernel on normalised features, as in CMMD.

S. Jayasumana et al., *Rethinking FID* (CVPR 2024, arXiv 2401.09603): k(x, y) = exp(−|x − y|² / 2σ²) with σ = 10 on CLIP
features of length one, times 1000. The estimate is the one published with it: the mean over all pairs of a side, an
image with itself included, so that it is never below zero, exactly zero for equal sets, and biased upwards by about
1000 (1 − mean k) / n a side. The paper takes CLIP ViT-L/14 at 336 pixels; by other features it is another number, and
a metric's name says by which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

SIGMA = 10.0
SCALE = 1000.0
_ROWS = 1024  # a block of the kernel is 8 MB


def gaussian_mmd(generated: NDArray[Any], real: NDArray[Any]) -> float:
    """Return the scaled squared MMD of features [N, D] and [M, D], which are brought to length one.

    :raises MetricError: for no images, different dimensions, or features that are zero or not finite.
    """
    one, two = _normalised(generated), _normalised(real)
    if one.shape[1] != two.shape[1]:
        raise MetricError(f"features of {one.shape[1]} and {two.shape[1]} dimensions cannot be compared")
    # Equal sets come out at exactly zero: all three means are of the same numbers in the same order.
    squared = _mean_kernel(one, one) + _mean_kernel(two, two) - 2 * _mean_kernel(one, two)
    return SCALE * max(0.0, squared)


def _normalised(features: NDArray[Any]) -> Matrix:
    rows = np.atleast_2d(np.asarray(features, dtype=np.float64))
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    if not rows.size:
        raise MetricError("there are no images to compare")
    if not np.isfinite(lengths).all() or not lengths.all():
        raise MetricError("features are zero or not finite", remedy="look at the extractor and its precision")
    unit: Matrix = rows / lengths
    return unit


def _mean_kernel(one: Matrix, two: Matrix) -> float:
    total = 0.0
    for left in range(0, len(one), _ROWS):
        for right in range(0, len(two), _ROWS):
            # Rows have length one: |x − y|² = 2 − 2 x·y.
            cosines = one[left : left + _ROWS] @ two[right : right + _ROWS].T
            total += float(np.exp((cosines - 1) / SIGMA**2).sum())
    return total / (len(one) * len(two))
