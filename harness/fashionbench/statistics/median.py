"""Intervals of medians, from the limits of the share of items below them.

A bootstrap of a median that many items share has no width, and shows nothing. The limits are the quantiles at the
Wilson limits of one half (R. S. Woodruff, *Journal of the American Statistical Association* 47, 1952), with the number
of items divided by the design effect of lying below the median.

Ranks are whole numbers, and many share one. The limits are therefore quantiles of the mid-distribution, in which a
value stands in the middle of its items and what lies between two values is interpolated (Y. Ma, M. G. Genton and
E. Parzen, *Annals of the Institute of Statistical Mathematics* 63, 2011): with the values themselves as limits, the
interval is too wide by about a step. Where steps are coarse beside it, no limits cover what they say: there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.statistics.bootstrap import Interval, NoInterval, check_values, stratum_codes, unit_codes
from fashionbench.statistics.proportion import correlations, over_strata, share_of, wilson

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average

    FloatArray = NDArray[np.float64]

_FEWEST = 6  # of five items even the smallest and the largest do not enclose the median 95 % of the time
#: The fewest steps between the limits. The median lies up to half a step beside that of the mid-distribution, by which
#: an interval of five steps covers some 93.5 % at worst.
_FEWEST_STEPS = 5


def median_interval(
    values: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None,
    average: Average = "items",
    level: float = 0.95,
) -> Interval | NoInterval:
    """Compute the interval of the median of per-item values, or of the unweighted mean of the medians of strata.

    :returns: a :class:`NoInterval` for fewer than six independent items, and where the limits are fewer than
        five steps apart.
    :raises MetricError: if a value is not finite or the arguments do not fit each other.
    """
    check_values(values, "values")
    units, labels = unit_codes(clusters, values.size), stratum_codes(strata, average, values.size)
    width = int(units.max()) + 1
    parts = [labels == label for label in range(int(labels.max()) + 1)]
    medians, limits, residuals, sizes = [], [], [], []
    for part in parts:
        chosen, median = values[part], float(np.median(values[part]))
        # Items at the median count half, so that a value that many share does not lie on one side.
        below = (chosen < median) + 0.5 * (chosen == median)
        share = share_of(below, units[part], level, chance=0.5)
        if share.size < _FEWEST:
            return NoInterval(f"too few items for a median: {share.size:.3g} independent ones of {chosen.size}")
        ends = wilson(0.5, share.size, level)
        places = int(np.floor(ends[0] * chosen.size)), int(np.ceil(ends[1] * chosen.size)) - 1
        limit = _limits(chosen, places)
        if isinstance(limit, NoInterval):
            return limit
        limits.append(limit)
        medians.append(median)
        residuals.append(np.pad(share.residuals, (0, width - share.residuals.size)))
        sizes.append(share.size)
    low, high = over_strata(medians, limits, correlations(residuals, [units[part] for part in parts]))
    kind = "item" if clusters is None else "cluster"
    return Interval(
        low, high, f"woodruff/mid-distribution/effective-n={','.join(f'{size:.4g}' for size in sizes)}/{kind}"
    )


def _limits(values: FloatArray, places: tuple[int, int]) -> tuple[float, float] | NoInterval:
    """Read the values at two places of the order, interpolated between the middles of the groups of equal values."""
    ordered = np.sort(values)
    if ordered[places[0]] == ordered[places[1]]:
        return NoInterval(f"the median and both its limits are one value, {ordered[places[0]]:g}")
    distinct, counts = np.unique(values, return_counts=True)
    ends = np.cumsum(counts)
    inside = np.minimum(ends, places[1] + 1) - np.maximum(ends - counts, places[0])
    inside = inside[inside > 0].astype(np.float64)
    width = places[1] - places[0] + 1
    # How likely two items of them are to share a value, as in Simpson's index: a pair here and there is no step.
    alike = float((inside * (inside - 1)).sum()) / (width * (width - 1))
    if alike * _FEWEST_STEPS > 1:
        return NoInterval(f"the values are too coarse: {1 / alike:.3g} steps between the limits, and five are needed")
    low, high = np.interp(places, ends - (counts + 1) / 2, distinct)
    return float(low), float(high)
