"""The kernel distance (KID): an unbiased estimate of the squared MMD with a cubic polynomial kernel.

k(x, y) = (x·y / d + 1)³ (Bińkowski et al., ICLR 2018). Over all pictures the estimate is a U-statistic:
deterministic, without subsets, and unbiased at any number of pictures, which makes it the headline below 10,000. The
libraries average over 100 random subsets of 1,000, whose spread is no standard error; :func:`subset_distance` does
the same from a seed, for comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]

_ROWS = 2048


class Distance(NamedTuple):
    """A distance with its standard error."""

    value: float
    error: float


def kernel_distance(generated: NDArray[Any], real: NDArray[Any]) -> Distance:
    """Return the full unbiased estimate and its standard error.

    The error is first-order: the variance of each side's projection, mean k(x, x') − mean k(x, y), over its size. Terms
    of second order are left out (Serfling, *Approximation Theorems*, 1980, §5.3, for two samples).

    :raises MetricError: for fewer than two pictures on a side, different dimensions, or features that are not finite.
    """
    one, two = _checked(generated), _checked(real)
    if one.shape[1] != two.shape[1]:
        raise MetricError(f"features of {one.shape[1]} and {two.shape[1]} dimensions cannot be compared")
    own_one, own_two = _row_sums(one, one), _row_sums(two, two)
    across, back = _row_sums(one, two), _row_sums(two, one)
    m, n = len(one), len(two)
    inner_one = (own_one - _kernel(one, one, diagonal=True)) / (m - 1)
    inner_two = (own_two - _kernel(two, two, diagonal=True)) / (n - 1)
    value = inner_one.mean() + inner_two.mean() - 2 * across.sum() / (m * n)
    first, second = inner_one - across / n, inner_two - back / m
    error = 2 * np.sqrt(first.var(ddof=1) / m + second.var(ddof=1) / n)
    return Distance(float(value), float(error))


def subset_distance(
    generated: NDArray[Any], real: NDArray[Any], seed: int, subsets: int = 100, size: int = 1000
) -> Distance:
    """Return the mean over seeded random subsets, and its spread over them, as the libraries print it.

    :raises MetricError: where a side has fewer pictures than a subset; no library's silent shrinking.
    """
    one, two = _checked(generated), _checked(real)
    if min(len(one), len(two)) < size:
        raise MetricError(f"subsets of {size} need as many pictures, and there are {min(len(one), len(two))}")
    rng = np.random.default_rng(seed)

    def draw() -> float:
        left, right = (side[rng.choice(len(side), size, replace=False)] for side in (one, two))
        return kernel_distance(left, right).value

    values = [draw() for _ in range(subsets)]
    return Distance(float(np.mean(values)), float(np.std(values)))


def _checked(features: NDArray[Any]) -> Matrix:
    rows = np.atleast_2d(np.asarray(features, dtype=np.float64))
    if len(rows) < 2:
        raise MetricError("a kernel distance needs two pictures a side")
    if not np.isfinite(rows).all():
        raise MetricError("features are not finite", remedy="look at the extractor and its precision")
    return rows


def _row_sums(one: Matrix, two: Matrix) -> Matrix:
    """Return the sum of the kernel over the rows of ``two`` for each row of ``one``, in blocks."""
    sums = np.empty(len(one))
    for start in range(0, len(one), _ROWS):
        block = slice(start, start + _ROWS)
        sums[block] = sum(_kernel(one[block], two[at : at + _ROWS]).sum(axis=1) for at in range(0, len(two), _ROWS))
    return sums


def _kernel(one: Matrix, two: Matrix, *, diagonal: bool = False) -> Matrix:
    product = (one * two).sum(axis=1) if diagonal else one @ two.T
    root: Matrix = product / one.shape[1] + 1
    cube: Matrix = root * root * root
    return cube
