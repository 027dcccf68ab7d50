"""Intervals over training seeds and test clusters at once, for one system or for the difference of two.

A model that was trained with S seeds and measured on C clusters of items has two sources of chance: other seeds, and
other items. The two variances are estimated apart, and joined with a t quantile each, as in Cochran's approximation:

    half² = t²(S - 1) · s²(seeds) / S + t²(C - 1) · max(s²(clusters) - s²(interaction) / S, 0) / C

Resampling of three or five seeds is no alternative: with three seeds that differ it covered 84 % where this covers 95 %
(``benchmarks/pairwise.py`` prints both).

Source: W. G. Cochran, "Approximate significance levels of the Behrens-Fisher test", Biometrics 1964; the variance of
the mean of a crossed two-way layout, H. Scheffé, *The Analysis of Variance*, 1959, chapter 7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import stdtrit

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import Interval, NoInterval, check_values, stratum_codes, unit_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average

    FloatArray = NDArray[np.float64]


_NOISE = 1e-12  # what rounding leaves of the largest value


@dataclass(frozen=True, slots=True)
class SystemVariance:
    """One system over its training seeds: its average, and the parts that vary.

    :param scale: the largest size of a value.
    :param sums: float [C], the deviation of each cluster from the average, summed over its items, averaged over seeds.
    :param seeds: variance of the average through seeds, and its degrees of freedom.
    :param interaction: the part of the variance over clusters that more seeds would remove.
    """

    mean: float
    scale: float
    sums: FloatArray
    seeds: float
    freedom: int
    interaction: float


def seed_interval(
    values: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    average: Average = "items",
    level: float = 0.95,
) -> Interval | NoInterval:
    """Compute the interval of the average over seeds and items.

    :param values: float [S, N], one value a training seed and item, of two seeds or more.
    :param clusters: the cluster of each item; None takes every item for itself.
    :param strata: the stratum of each item; used with ``average="strata"`` only.
    :raises MetricError: where a value is not finite or the lengths do not agree.
    """
    system = system_variance(values, clusters, strata, average)
    if system.freedom < 1:
        return NoInterval("one seed says nothing of the others")
    return _joined(system.mean, [system], system.sums, level)


def seed_difference_interval(
    first: FloatArray,
    second: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    average: Average = "items",
    level: float = 0.95,
) -> Interval | NoInterval:
    """Compute the interval of the difference of two systems' averages on the same items, each over its own seeds.

    A system with a single seed adds no variance of seeds, which the method then says.

    :param first: float [S, N], one value a training seed and item.
    :param second: float [T, N], of the same items in the same order; the seeds need not be as many.
    :raises MetricError: where a value is not finite or the lengths do not agree.
    """
    systems = [system_variance(values, clusters, strata, average) for values in (first, second)]
    if first.shape[1] != second.shape[1]:
        msg = f"the systems have {first.shape[1]} and {second.shape[1]} items, a difference needs the same items"
        raise MetricError(msg)
    return _joined(systems[0].mean - systems[1].mean, systems, systems[0].sums - systems[1].sums, level)


def seed_difference_p_value(
    first: FloatArray,
    second: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    average: Average = "items",
) -> float | None:
    """Return the two-sided p-value of a difference: one minus the level at which its interval just reaches 0.

    :returns: None where there is no interval.
    :raises MetricError: as for the interval.
    """

    def reaches(level: float) -> bool | None:
        interval = seed_difference_interval(
            first, second, clusters=clusters, strata=strata, average=average, level=level
        )
        return None if isinstance(interval, NoInterval) else interval.low <= 0 <= interval.high

    if reaches(0.5) is None:
        return None
    low, high = 0.0, 1.0
    # Ten digits are more than the approximation is worth.
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return 1 - low


def system_variance(
    values: FloatArray, clusters: Sequence[str] | None, strata: Sequence[str] | None, average: Average
) -> SystemVariance:
    """Estimate how much the average of a system varies between its seeds, and between clusters.

    :param values: float [S, N], one value a training seed and item.
    :raises MetricError: where a value is not finite or the lengths do not agree.
    """
    if values.ndim != 2:
        raise MetricError(f"values over seeds are one row a seed, and these have the shape {values.shape}")
    for row in values:
        check_values(row, "values of a seed")
    count, items = values.shape
    labels = stratum_codes(strata, average, items)
    sizes = np.bincount(labels)
    weights = 1 / (sizes[labels] * sizes.size)
    values = values.astype(np.float64)
    # Around the average of each stratum, so that clusters of other sizes do not count as other values.
    middle = np.bincount(labels, weights=values.mean(axis=0)) / sizes
    units = unit_codes(clusters, items)
    sums = np.stack([np.bincount(units, weights=row) for row in (values - middle[labels]) * weights])
    groups = sums.shape[1]
    averages = sums.sum(axis=1)
    freedom = count - 1
    seeds = float(averages.var(ddof=1)) / count if freedom else 0.0
    interaction = 0.0
    if freedom and groups > 1:
        rest = sums - sums.mean(axis=0) - (averages - averages.mean())[:, None] / groups
        interaction = float((rest**2).sum()) / (freedom * (groups - 1)) * groups / count
    mean, scale = float((values.mean(axis=0) * weights).sum()), float(np.abs(values).max())
    return SystemVariance(mean, scale, sums.mean(axis=0), seeds, freedom, interaction)


def variance_over_clusters(sums: FloatArray, systems: Sequence[SystemVariance]) -> float:
    """Return the variance of an average, or of a difference of two, through clusters, without what seeds add to it.

    :param sums: float [C], the deviation of each cluster, of two clusters or more.
    """
    return max(sums.size * float(sums.var(ddof=1)) - sum(system.interaction for system in systems), 0.0)


def _joined(middle: float, systems: Sequence[SystemVariance], sums: FloatArray, level: float) -> Interval | NoInterval:
    groups = sums.size
    if groups < 2:
        return NoInterval("one cluster says nothing of the others")
    tail = (1 + level) / 2
    squared = float(stdtrit(groups - 1, tail)) ** 2 * variance_over_clusters(sums, systems)
    for system in systems:
        if system.freedom:
            squared += float(stdtrit(system.freedom, tail)) ** 2 * system.seeds
    # Means of equal seeds differ from the value of one in their last bits.
    if squared <= (_NOISE * max(system.scale for system in systems)) ** 2:
        return NoInterval("no value differs between seeds or clusters")
    half = math.sqrt(squared)
    counts = " and ".join(str(system.freedom + 1) for system in systems)
    return Interval(middle - half, middle + half, f"seeds and clusters, Cochran/{counts} seeds/{groups} clusters")
