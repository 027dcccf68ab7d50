"""Intervals and shuffled references of statistics that are no mean of items, such as a rank or an alignment.

A resample with replacement holds items twice, and of two equal items each is the other's nearest neighbour and adds no
direction: ranks, neighbours and alignments of such resamples are those of other data. So parts of the items are left
out instead, one part at a time (the delete-a-group jackknife; J. Shao and D. Tu, *The Jackknife and Bootstrap*, 1995,
section 2.3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.diagnostics.measurement import Estimate
from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.jackknife import error_of, jackknife_interval
from fashionbench.statistics.sampling import sampling_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Places = NDArray[np.int64]
    Statistic = Callable[[Places], float]

#: At most so many parts are left out, one at a time.
PARTS = 60
#: So many shufflings make a reference.
SHUFFLES = 40


def jackknifed(statistic: Statistic, count: int, seed: int) -> Estimate:
    """Compute a statistic of items with its interval.

    :param statistic: a function of the places of the items that are kept.
    :param count: the number of items.
    :param seed: decides which items make up a part, where there are more items than parts.
    """
    places = np.arange(count)
    value = statistic(places)
    if count < 3:
        return Estimate.of(value, NoInterval(f"only {count} items"), count)
    parts = np.array_split(np.random.default_rng(seed).permutation(count), min(count, PARTS))
    without = np.array([statistic(np.setdiff1d(places, part)) for part in parts])
    units = len(parts)
    error = error_of((units - 1) / units * (without.mean() - without))
    return Estimate.of(value, jackknife_interval(value, error, units), count)


def averaged(
    values: NDArray[np.float64],
    seed: int,
    clusters: Sequence[str] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """Average values of items, with the interval that fits them."""
    values = np.asarray(values, dtype=np.float64)
    found = sampling_interval(values, clusters=clusters, strata=None, seed=seed, bounds=bounds)
    return Estimate.of(float(values.mean()), found, values.size)


def shuffled(statistic: Callable[[np.random.Generator], float], count: int, seed: int) -> Estimate:
    """Compute a statistic of shuffled inputs many times: the mean, and between what 95 % of them lie.

    :param statistic: shuffles with the generator that it is given.
    """
    rng = np.random.default_rng(seed)
    values = np.array([statistic(rng) for _ in range(SHUFFLES)])
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(float(values.mean()), (float(low), float(high)), f"95 % of {SHUFFLES} shufflings", count)


def derangement(count: int, rng: np.random.Generator) -> Places:
    """Draw an order in which no item is at its own place; of one item there is none, and it stays."""
    order = rng.permutation(count)
    # A cycle through all items in random order leaves none at its place.
    moved = np.empty(count, dtype=np.int64)
    moved[order] = np.roll(order, 1)
    return moved


def columns_shuffled(rows: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Shuffle each column by itself: the values stay, and what they have to do with each other goes (Horn, 1965)."""
    return rng.permuted(rows, axis=0)
