"""Tests of two systems on the same items, and their correction for being many.

Source: P. Good, *Permutation, Parametric and Bootstrap Tests of Hypotheses*, 3rd ed., 2005 (sign flips); B. Phipson and
G. K. Smyth, "Permutation p-values should never be zero", 2010, for (b + 1) / (B + 1); Q. McNemar, 1947, in its exact
form; S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import (
    Interval,
    NoInterval,
    bootstrap_interval,
    check_values,
    stratum_codes,
    unit_codes,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average

    FloatArray = NDArray[np.float64]

_CELLS = 2**19  # signs held at a time
_NOISE = 1e-12  # what rounding leaves of a difference
_DISTINCT = 16  # one binomial a distinct size of difference is cheaper than one sign a cluster from this ratio on


@dataclass(frozen=True, slots=True)
class PairedTest:
    """The outcome of a paired test.

    :param difference: the average of the first system minus that of the second.
    :param p_value: two-sided.
    :param method: the test, in the words that enter the record.
    """

    difference: float
    p_value: float
    method: str


def paired_randomisation(
    first: FloatArray,
    second: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None,
    replicates: int = 10_000,
    seed: int,
    average: Average = "items",
) -> PairedTest:
    """Test whether two systems differ, by swapping their answers cluster by cluster.

    If they do not differ, the sign of each cluster's difference is a coin toss. The p-value is the share of the tosses
    whose average is at least as far from 0 as the one found, the one found counted among them.

    :param first: float [N], one value an item; values need not be 0 or 1.
    :param second: float [N], of the same items in the same order.
    :param clusters: the cluster of each item, swapped as a whole; None takes every item for itself.
    :param strata: the stratum of each item; used with ``average="strata"`` only.
    :param replicates: the number of tosses, and so the smallest p-value, ``1 / (replicates + 1)``.
    :param seed: of the generator (PCG64).
    :param average: as in :func:`~fashionbench.statistics.bootstrap.bootstrap_interval`.
    :raises MetricError: if a value is not finite or the arguments do not fit each other.
    """
    difference = _difference(first, second)
    if replicates < 1:
        raise MetricError(f"a randomisation test needs at least one toss, not {replicates}")
    labels = stratum_codes(strata, average, difference.size)
    sizes = np.bincount(labels)
    weighted = difference / (sizes[labels] * sizes.size)
    units = np.abs(np.bincount(unit_codes(clusters, difference.size), weights=weighted))
    observed = float(weighted.sum())
    # Sums of the same numbers in another order differ in their last bits; such a sum is as far from 0 as the one found.
    bar = abs(observed) - 1e-12 * float(units.sum())
    rng = np.random.Generator(np.random.PCG64(seed))
    reached = sum(
        int(np.count_nonzero(np.abs(sums) >= bar)) for sums in _signed_sums(units[units > 0], replicates, rng)
    )
    kind = "item" if clusters is None else "cluster"
    return PairedTest(observed, (reached + 1) / (replicates + 1), f"paired-randomisation/B={replicates}/{kind}")


def paired_interval(
    first: FloatArray,
    second: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None,
    level: float = 0.95,
    replicates: int = 10_000,
    seed: int,
    average: Average = "items",
) -> Interval | NoInterval:
    """Compute the cluster bootstrap interval of the difference of two systems' averages on the same items.

    :returns: the interval of ``first`` minus ``second``; it is narrower than the two systems' own intervals suggest
        wherever both find the same items hard. Where so few clusters differ that no test of their signs could tell the
        systems apart, it reaches to 0.
    :raises MetricError: if a value is not finite or the arguments do not fit each other.
    """
    difference = _difference(first, second)
    found = bootstrap_interval(
        difference,
        clusters=clusters,
        strata=strata,
        level=level,
        replicates=replicates,
        seed=seed,
        average=average,
    )
    units = np.bincount(unit_codes(clusters, difference.size), weights=difference)
    differ = int((np.abs(units) > _NOISE).sum())
    if isinstance(found, NoInterval) or 2 * 0.5**differ <= 1 - level or found.low <= 0 <= found.high:
        return found
    # Resamples of five clusters that all lose never gain, but five tosses fall alike in one of sixteen cases.
    return Interval(min(found.low, 0.0), max(found.high, 0.0), f"{found.method}, to 0: {differ} clusters differ")


def mcnemar_exact(first: FloatArray, second: FloatArray) -> PairedTest:
    """Test whether two systems succeed equally often, from the items where only one of them does.

    Exact and two-sided: twice the smaller tail of a fair binomial over those items, at most 1. It takes items for
    independent; where they come in clusters, use :func:`paired_randomisation`.

    :param first: 0 or 1 for each item, such as hit@k without ties.
    :param second: the same for the other system.
    :raises MetricError: if a value is neither 0 nor 1.
    """
    difference = _difference(first, second)
    graded = np.flatnonzero(~(np.isin(first, (0, 1)) & np.isin(second, (0, 1))))
    if graded.size:
        raise MetricError(
            f"{graded.size} items have a value other than 0 and 1, the first is item {graded[0]}",
            remedy="use the randomisation test, which takes any value",
        )
    only_first, only_second = int((difference > 0).sum()), int((difference < 0).sum())
    discordant = only_first + only_second
    # Whole numbers all the way: a tail of ten thousand items is far below what a float64 term can hold.
    ways, tail = 1, 0
    for successes in range(min(only_first, only_second) + 1):
        tail += ways
        ways = ways * (discordant - successes) // (successes + 1)
    return PairedTest(float(difference.mean()), min(1.0, 2 * tail / 2**discordant), "mcnemar-exact")


def holm(p_values: Sequence[float]) -> FloatArray:
    """Adjust the p-values of a family of tests so that rejecting those below α errs anywhere with at most α.

    :param p_values: in any order.
    :returns: float64, in the order given; the k-th smallest of m is multiplied by ``m - k + 1``, raised to the largest
        before it, and cut at 1.
    :raises MetricError: if a p-value is not between 0 and 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    wrong = np.flatnonzero(~((p >= 0) & (p <= 1)))
    if wrong.size:
        raise MetricError(f"not a p-value: {p[wrong[0]]} at place {wrong[0]}")
    order = np.argsort(p, kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1)), 1.0)
    return adjusted


def _difference(first: FloatArray, second: FloatArray) -> FloatArray:
    check_values(first, "values of the first system")
    check_values(second, "values of the second system")
    if first.size != second.size:
        raise MetricError(f"the systems have {first.size} and {second.size} values, a paired test needs the same items")
    return first.astype(np.float64) - second.astype(np.float64)


def _signed_sums(sizes: FloatArray, replicates: int, rng: np.random.Generator) -> list[FloatArray]:
    """Sum differences of the given sizes under random signs."""
    distinct, counts = np.unique(sizes, return_counts=True)
    if distinct.size * _DISTINCT <= sizes.size:
        # Differences of one size are interchangeable: how many of them stay positive is binomial.
        positive = rng.binomial(counts, 0.5, size=(replicates, counts.size))
        return [(2 * positive - counts) @ distinct]
    step = max(_CELLS // sizes.size, 1)
    sums = []
    for start in range(0, replicates, step):
        shape = (min(step, replicates - start), -(-sizes.size // 8))
        bits = np.unpackbits(rng.integers(0, 256, size=shape, dtype=np.uint8), axis=1, count=sizes.size)
        sums.append(2 * (bits.astype(np.float64) @ sizes) - sizes.sum())
    return sums
