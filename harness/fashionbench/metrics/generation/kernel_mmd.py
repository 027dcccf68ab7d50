"""The kernel distance (KID): estimates of the squared MMD with a cubic polynomial kernel.

k(x, y) = (x·y / d + 1)³ (Bińkowski et al., ICLR 2018). Over all images the estimate is a U-statistic: deterministic,
without subsets. It is unbiased at any number of images where both sides are independent. Where they show the same
persons, as in try-on, the pairs of one person count among the pairs across the sides, and equal sets have a distance
below 0; :func:`off_diagonal_distance` leaves those pairs out. The libraries average over 100 random subsets of 1,000,
whose spread is no standard error; :func:`subset_distance` does the same from a seed, for comparison.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fashionbench.cores import map_over_threads, threads_to_use
from fashionbench.errors import MetricError
from fashionbench.statistics.jackknife import error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fashionbench.cores import Map
    from fashionbench.metrics.generation.persons import Persons

    Matrix = NDArray[np.float64]

#: A block of this many rows is 8 MB, and the diagonal blocks, of which half is not needed, are few.
_ROWS = 1024
#: Below so many pairs there are few blocks, and starting threads takes as long.
_FEW = 2**22
_MOST_THREADS = 64


class Distance(NamedTuple):
    """A distance with its standard error."""

    value: float
    error: float


def kernel_distance(generated: NDArray[Any], real: NDArray[Any], *, threads: int | None = None) -> Distance:
    """Return the full unbiased estimate and its standard error.

    The error is first-order: the variance of each side's projection, mean k(x, x') − mean k(x, y), over its size. Terms
    of second order are left out (Serfling, *Approximation Theorems*, 1980, §5.3, for two samples).

    :param threads: how many compute blocks at once; None for one of each core, and one where there are few images.
    :raises MetricError: for fewer than two images on a side, different dimensions, or features that are not finite.
    """
    one, two = _checked(generated), _checked(real)
    if one.shape[1] != two.shape[1]:
        raise MetricError(f"features of {one.shape[1]} and {two.shape[1]} dimensions cannot be compared")
    m, n = len(one), len(two)
    with map_over_threads(threads or (threads_to_use(_MOST_THREADS) if m * n >= _FEW else 1)) as map_:
        across, back = _sums_across(one, two, map_)
        inner_one, inner_two = _sums_within(one, map_) / (m - 1), _sums_within(two, map_) / (n - 1)
    value = inner_one.mean() + inner_two.mean() - 2 * across.sum() / (m * n)
    first, second = inner_one - across / n, inner_two - back / m
    error = 2 * np.sqrt(first.var(ddof=1) / m + second.var(ddof=1) / n)
    return Distance(float(value), float(error))


def off_diagonal_distance(generated: NDArray[Any], real: NDArray[Any], persons: Persons) -> Distance:
    """Return the estimate over pairs of different persons alone, and its standard error over persons.

    With one image of each person on each side this is the estimator over i ≠ j of A. Gretton, K. Borgwardt, M. Rasch,
    B. Schölkopf and A. Smola, *Journal of Machine Learning Research* 13 (2012), eq. 4, which is 0 for equal sets. The
    error is that of the jackknife, which leaves out one person on both sides at a time (J. N. Arvesen, *Annals of
    Mathematical Statistics* 40, 1969, for U-statistics).

    :raises MetricError: as :func:`kernel_distance` does, and for fewer than three persons.
    """
    value, influences = off_diagonal_influences(generated, real, persons)
    return Distance(value, error_of(influences))


def off_diagonal_influences(generated: NDArray[Any], real: NDArray[Any], persons: Persons) -> tuple[float, Matrix]:
    """Return the distance off the diagonal, and by how much each person moves it, float64 [persons.count].

    The jackknife's: what leaving a person out takes away, less the mean of that, times (n - 1) / n.

    :raises MetricError: as :func:`off_diagonal_distance` does.
    """
    one, two = _checked(generated), _checked(real)
    if one.shape[1] != two.shape[1]:
        raise MetricError(f"features of {one.shape[1]} and {two.shape[1]} dimensions cannot be compared")
    if persons.count < 3:
        raise MetricError(f"a distance without the pairs of one person needs three persons, not {persons.count}")
    made, shown = persons.made, persons.real
    sides = ((one, made, one, made), (two, shown, two, shown), (one, made, two, shown))
    width = int(max(made.max(), shown.max())) + 1
    terms = []
    for left, left_persons, right, right_persons in sides:
        sums, back, pairs, pairs_back = _sums_of_others(left, left_persons, right, right_persons)
        # A person takes its rows and its columns away, which never meet: pairs of one person do not count.
        lost = [
            np.bincount(left_persons, weights=rows, minlength=width)
            + np.bincount(right_persons, weights=columns, minlength=width)
            for rows, columns in ((sums, back), (pairs, pairs_back))
        ]
        totals = sums.sum(), pairs.sum()
        if totals[1] == 0 or (lost[1] >= totals[1]).any():
            raise MetricError("without one person there are no pairs of different persons left on a side")
        terms.append((totals[0] / totals[1], (totals[0] - lost[0]) / (totals[1] - lost[1])))
    (own, own_without), (other, other_without), (across, across_without) = terms
    value = own + other - 2 * across
    without = (own_without + other_without - 2 * across_without)[persons.present]
    influences: Matrix = (len(without) - 1) / len(without) * (without.mean() - without)
    # What is left of equal sums is their rounding.
    least = 1e-11 * (own + other + 2 * across)
    if error_of(influences) <= least:
        influences = np.zeros_like(influences)
    return 0.0 if abs(value) <= least else float(value), influences


def subset_distance(
    generated: NDArray[Any], real: NDArray[Any], seed: int, subsets: int = 100, size: int = 1000
) -> Distance:
    """Return the mean over seeded random subsets, and its spread over them, as the libraries print it.

    :raises MetricError: where a side has fewer images than a subset; no library's silent shrinking.
    """
    one, two = _checked(generated), _checked(real)
    if min(len(one), len(two)) < size:
        raise MetricError(f"subsets of {size} need as many images, and there are {min(len(one), len(two))}")
    rng = np.random.default_rng(seed)

    def draw() -> float:
        left, right = (side[rng.choice(len(side), size, replace=False)] for side in (one, two))
        return kernel_distance(left, right).value

    values = [draw() for _ in range(subsets)]
    return Distance(float(np.mean(values)), float(np.std(values)))


def _checked(features: NDArray[Any]) -> Matrix:
    rows = np.atleast_2d(np.asarray(features, dtype=np.float64))
    if len(rows) < 2:
        raise MetricError("a kernel distance needs two images a side")
    if not np.isfinite(rows).all():
        raise MetricError("features are not finite", remedy="look at the extractor and its precision")
    return rows


def _sums_within(rows: Matrix, map_: Map) -> Matrix:
    """Return the sum of the kernel over the other rows for each row; a pair of blocks is computed once."""
    sums = np.zeros(len(rows))
    pairs = [(block, later) for block in _blocks(rows) for later in _blocks(rows, block.start)]

    def sums_of(pair: tuple[slice, slice]) -> tuple[Matrix, Matrix]:
        block, later = pair
        values = _kernel(rows[block], rows[later])
        if block == later:
            return values.sum(axis=1) - values.diagonal(), np.zeros(len(values))
        return values.sum(axis=1), values.sum(axis=0)

    # Added up in one order, whichever thread was first.
    for (block, later), (one, other) in zip(pairs, map_(sums_of, pairs), strict=True):
        sums[block] += one
        sums[later] += other
    return sums


def _sums_across(one: Matrix, two: Matrix, map_: Map) -> tuple[Matrix, Matrix]:
    """Return the sum over ``two`` for each row of ``one``, and over ``one`` for each row of ``two``, in one pass."""
    sums, back = np.zeros(len(one)), np.zeros(len(two))
    pairs = [(left, right) for left in _blocks(one) for right in _blocks(two)]

    def sums_of(pair: tuple[slice, slice]) -> tuple[Matrix, Matrix]:
        values = _kernel(one[pair[0]], two[pair[1]])
        return values.sum(axis=1), values.sum(axis=0)

    for (left, right), (by_row, by_column) in zip(pairs, map_(sums_of, pairs), strict=True):
        sums[left] += by_row
        back[right] += by_column
    return sums, back


def _sums_of_others(
    one: Matrix, one_persons: NDArray[np.int64], two: Matrix, two_persons: NDArray[np.int64]
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Return the sums of the kernel over other persons by row and by column, and how many pairs each is over."""
    sums, back, pairs, pairs_back = np.zeros(len(one)), np.zeros(len(two)), np.zeros(len(one)), np.zeros(len(two))
    for left in _blocks(one):
        for right in _blocks(two):
            others = one_persons[left, None] != two_persons[None, right]
            values = _kernel(one[left], two[right]) * others
            sums[left] += values.sum(axis=1)
            back[right] += values.sum(axis=0)
            pairs[left] += others.sum(axis=1)
            pairs_back[right] += others.sum(axis=0)
    return sums, back, pairs, pairs_back


def _blocks(rows: Matrix, start: int = 0) -> Iterator[slice]:
    return (slice(at, at + _ROWS) for at in range(start, len(rows), _ROWS))


def _kernel(one: Matrix, two: Matrix) -> Matrix:
    """Return the kernel of each row of ``one`` with each of ``two``, in place of their product."""
    values: Matrix = one @ two.T
    values /= one.shape[1]
    values += 1
    root = values.copy()
    values *= root
    values *= root
    return values
