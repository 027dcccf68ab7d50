"""Percentile bootstrap intervals over clusters of items.

Items that share a reference image or a product are answered alike, and an interval that takes them for independent is
too narrow: with five correlated captions an image by a factor of 1.7. So whole clusters are drawn, with replacement.

Source: B. Efron and R. Tibshirani, *An Introduction to the Bootstrap*, 1993, chapter 13 (percentile intervals); A. C.
Davison and D. V. Hinkley, *Bootstrap Methods and their Application*, 1997, §3.8 (clusters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from fashionbench.errors import MetricError, first_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

Average = Literal["items", "strata"]
Statistic = Literal["mean", "median"]

_CELLS = 2**19  # weights held at a time: 4 MB
_DISTINCT = 4  # one binomial a distinct unit is cheaper than one draw a unit from this ratio on
_DISCARDED = 0.01  # the share of resamples that may lose a stratum before the interval is refused


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval, and how it was made, in the words that enter the record."""

    low: float
    high: float
    method: str

    @property
    def bounds(self) -> tuple[float, float]:
        """Both ends."""
        return self.low, self.high


@dataclass(frozen=True, slots=True)
class NoInterval:
    """No interval, and why; what a bootstrap would give here is of width zero and says nothing.

    It has the properties of an :class:`Interval`, so that a record can be written from either.
    """

    reason: str

    @property
    def bounds(self) -> tuple[float, float] | None:
        """None."""
        return None

    @property
    def method(self) -> str:
        """The reason, which stands in the record where the method would."""
        return f"none: {self.reason}"


def bootstrap_interval(
    values: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None,
    level: float = 0.95,
    replicates: int = 10_000,
    seed: int,
    average: Average = "items",
    statistic: Statistic = "mean",
) -> Interval | NoInterval:
    """Compute the percentile bootstrap interval of the mean or the median of per-item values.

    Clusters are drawn as a whole from all strata together, so that a cluster that spans strata stays one. A resample
    in which a stratum has no item has no average over strata and is discarded; ``method`` then says how many were.

    :param values: float [N], one value an item.
    :param clusters: the cluster of each item; None takes every item for itself.
    :param strata: the stratum of each item, such as a category; used with ``average="strata"`` only.
    :param level: the share of resamples inside the interval.
    :param replicates: the number of resamples.
    :param seed: of the generator (PCG64); see :func:`fashionbench.seeding.seed_of`.
    :param average: ``items`` takes the statistic of all items, ``strata`` the unweighted mean over the strata of the
        statistic within each.
    :param statistic: the mean or the median.
    :returns: a :class:`NoInterval` where resampling cannot show any spread: one item, one cluster, equal values, or a
        stratum too small to be in 99 % of the resamples.
    :raises MetricError: if a value is not finite or the arguments do not fit each other.
    """
    check_values(values, "values")
    units, labels = unit_codes(clusters, values.size), stratum_codes(strata, average, values.size)
    if not (0 < level < 1 and replicates * (1 - level) >= 2):
        raise MetricError(f"{replicates} resamples cannot show the tails of a {level:.1%} interval")
    n_units = int(units.max()) + 1
    kind = "item" if clusters is None else "cluster"
    if n_units == 1:
        return NoInterval(f"only one {kind}, and resampling it gives the same value every time")
    rng = np.random.Generator(np.random.PCG64(seed))
    resample = {"mean": _means, "median": _medians}[statistic]
    estimates = resample(values, units, labels, replicates, rng)
    kept = estimates[np.isfinite(estimates)]
    discarded = replicates - kept.size
    if discarded > _DISCARDED * replicates:
        return NoInterval(f"{discarded} of {replicates} resamples leave a stratum empty: too few {kind}s in it")
    if np.ptp(values) == 0 or (statistic == "mean" and np.ptp(kept) <= 1e-12 * np.abs(kept).max()):
        return NoInterval(f"every resample of the {n_units} {kind}s gives the same value")
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2])
    method = f"bootstrap-percentile/B={replicates}/{kind}"
    return Interval(float(low), float(high), f"{method}/discarded={discarded}" if discarded else method)


def _means(
    values: FloatArray, units: IntArray, labels: IntArray, replicates: int, rng: np.random.Generator
) -> FloatArray:
    """Resample ratios of sums: a cluster brings its sum and its number of items to each stratum."""
    n_units, n_strata = int(units.max()) + 1, int(labels.max()) + 1
    cells = units * n_strata + labels
    table = np.zeros((2, n_units * n_strata))
    table[0] = np.bincount(cells, weights=values, minlength=n_units * n_strata)
    table[1] = np.bincount(cells, minlength=n_units * n_strata)
    rows = table.reshape(2, n_units, n_strata).transpose(1, 0, 2).reshape(n_units, 2 * n_strata)
    distinct, sizes = np.unique(rows, axis=0, return_counts=True)
    out = np.empty(replicates)
    # Units with the same sums are interchangeable: drawing how often each kind comes up has the same distribution.
    draw, rows = (_kinds(sizes), distinct) if sizes.size * _DISTINCT < n_units else (_units(n_units), rows)
    for part in _parts(replicates, len(rows)):
        sums = (draw(rng, part.stop - part.start) @ rows).reshape(-1, 2, n_strata)
        with np.errstate(invalid="ignore"):
            out[part] = (sums[:, 0] / sums[:, 1]).mean(axis=1)
    return out


def _medians(
    values: FloatArray, units: IntArray, labels: IntArray, replicates: int, rng: np.random.Generator
) -> FloatArray:
    """Resample medians, each read off the cumulated weights of the values in ascending order."""
    order = np.argsort(values, kind="stable")
    n_strata = int(labels.max()) + 1
    ascending = [(values[order[labels[order] == h]], units[order[labels[order] == h]]) for h in range(n_strata)]
    n_units = int(units.max()) + 1
    draw = _units(n_units)
    out = np.zeros(replicates)
    for part in _parts(replicates, max(n_units, values.size)):
        weights = draw(rng, part.stop - part.start)
        for sorted_values, sorted_units in ascending:
            reached = np.cumsum(weights[:, sorted_units], axis=1)
            total = reached[:, -1:]
            # The two middle places, counted from 1; the same place twice where the number of items is odd.
            lower = np.count_nonzero(reached < np.ceil(total / 2), axis=1)
            upper = np.count_nonzero(reached < np.floor(total / 2) + 1, axis=1)
            middle = (sorted_values[lower] + sorted_values[np.minimum(upper, sorted_values.size - 1)]) / 2
            out[part] += np.where(total[:, 0] > 0, middle, np.nan) / n_strata
    return out


def _units(n_units: int) -> Callable[[np.random.Generator, int], FloatArray]:
    """Draw units with replacement and count how often each came up, as float64 [resamples, units]."""

    def draw(rng: np.random.Generator, count: int) -> FloatArray:
        chosen = rng.integers(0, n_units, size=(count, n_units), dtype=np.int64)
        chosen += np.arange(0, count * n_units, n_units)[:, None]
        return np.bincount(chosen.ravel(), minlength=count * n_units).reshape(count, n_units).astype(np.float64)

    return draw


def _kinds(sizes: IntArray) -> Callable[[np.random.Generator, int], FloatArray]:
    """Draw how often each kind of unit comes up, as float64 [resamples, kinds]."""
    shares = sizes / sizes.sum()

    def draw(rng: np.random.Generator, count: int) -> FloatArray:
        return rng.multinomial(int(sizes.sum()), shares, size=count).astype(np.float64)

    return draw


def _kinds_of_units(sizes: IntArray) -> Callable[[np.random.Generator, int], FloatArray]:
    """Draw units, as :func:`_units` does, and count how often each kind came up."""
    n_units, n_kinds = int(sizes.sum()), sizes.size
    kinds = np.repeat(np.arange(n_kinds), sizes)

    def draw(rng: np.random.Generator, count: int) -> FloatArray:
        # Four bytes a draw give the numbers that eight do.
        chosen = kinds[rng.integers(0, n_units, size=(count, n_units), dtype=np.int32)]
        chosen += np.arange(0, count * n_kinds, n_kinds)[:, None]
        return np.bincount(chosen.ravel(), minlength=count * n_kinds).reshape(count, n_kinds).astype(np.float64)

    return draw


def draws(sizes: IntArray, replicates: int, rng: np.random.Generator) -> Iterator[tuple[slice, FloatArray]]:
    """Draw whole samples of units with replacement, some at a time: which resamples, and how often each kind came up.

    :param sizes: how many units there are of each kind of interchangeable ones.
    """
    n_units = int(sizes.sum())
    # One draw a unit is cheaper than one binomial a kind where there are about as many kinds.
    draw = _kinds(sizes) if sizes.size * _DISTINCT < n_units else _kinds_of_units(sizes)
    for part in _parts(replicates, n_units):
        yield part, draw(rng, part.stop - part.start)


def _parts(replicates: int, width: int) -> Iterator[slice]:
    step = max(_CELLS // width, 1)
    return (slice(start, min(start + step, replicates)) for start in range(0, replicates, step))


def check_values(values: NDArray[Any], name: str) -> None:
    """Refuse what no average can be taken of.

    :raises MetricError: if there are no values, or one is not finite, naming the items.
    """
    if values.ndim != 1 or not values.size:
        raise MetricError(f"{name} must be one number an item and not empty, their shape is {list(values.shape)}")
    wrong = np.flatnonzero(~np.isfinite(values))
    if wrong.size:
        listed = first_names(wrong.tolist(), 10)
        raise MetricError(f"{name} not finite at the items {listed}")


def unit_codes(clusters: Sequence[str] | None, count: int) -> IntArray:
    """Give a number to what is drawn as one: the cluster of each item, or the item itself where there are no clusters.

    :raises MetricError: if there is not one cluster an item.
    """
    return np.arange(count) if clusters is None else _codes(clusters, count, "clusters")


def stratum_codes(strata: Sequence[str] | None, average: Average, count: int) -> IntArray:
    """Give a number to the stratum of each item; all items are in one where the average is over items.

    :raises MetricError: if the strata are missing or there is not one an item.
    """
    if average == "items":
        return np.zeros(count, dtype=np.int64)
    if average != "strata" or strata is None:
        raise MetricError(f"cannot average over {average!r}", remedy="use items, or strata and give them")
    return _codes(strata, count, "strata")


def _codes(labels: Sequence[str], count: int, name: str) -> IntArray:
    if len(labels) != count:
        raise MetricError(f"{len(labels)} {name} for {count} items")
    return np.unique(np.asarray(labels, dtype=np.str_), return_inverse=True)[1].astype(np.int64)
