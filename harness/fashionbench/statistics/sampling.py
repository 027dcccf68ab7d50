"""The interval of a mean or median of per-item values: which method is honest for which values.

Shares of 0 and 1 have Wilson intervals, medians those of Woodruff, other means a studentized bootstrap. Where none of
them covers what it says there is no interval, and the reason stands in its place. How often each covers is simulated in
``benchmarks/coverage.py``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.statistics.bootstrap import Interval, NoInterval, stratum_codes, unit_codes
from fashionbench.statistics.median import median_interval
from fashionbench.statistics.proportion import share_interval
from fashionbench.statistics.studentized import studentized_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average, Statistic

    FloatArray = NDArray[np.float64]

#: Below this many clusters a bootstrap or a jackknife covers less than 93 % of the time where values are skewed.
FEWEST = 40

#: What began the method of intervals that are now computed otherwise; a stored value with one is computed anew.
_SUPERSEDED = re.compile(
    r"bootstrap-percentile/B=10000|none: every resample of the|wilson/.*/mean over |woodruff/effective-n"
)


def is_superseded(method: str) -> bool:
    """Tell whether an interval was made by a method that another one has replaced."""
    return _SUPERSEDED.match(method) is not None


def sampling_interval(
    values: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None,
    seed: int,
    average: Average = "items",
    statistic: Statistic = "mean",
    bounds: tuple[float, float] | None = None,
    replicates: int = 10_000,
    graded: bool = False,
) -> Interval | NoInterval:
    """Compute the 95 % interval of the mean or the median of per-item values, by the method that fits them.

    :param clusters: the cluster of each item; None takes every item for itself.
    :param strata: the stratum of each item; used with ``average="strata"`` only.
    :param seed: of the generator, where the method draws.
    :param bounds: what a mean can be at least and at most.
    :param replicates: the number of resamples, where the method draws.
    :param graded: whether values are degrees, and none of a success even where all are 0 or 1.
    :raises MetricError: if a value is not finite or the arguments do not fit each other.
    """
    if statistic == "median":
        return median_interval(values, clusters=clusters, strata=strata, average=average)
    # Errors that are all 0 are no failures of something that succeeds or fails: only shares lie between 0 and 1.
    if not graded and bounds == (0, 1) and np.isin(values, (0, 1)).all():
        return share_interval(values, clusters=clusters, strata=strata, average=average)
    reason = _too_small(values, clusters, strata, average)
    if reason:
        return NoInterval(reason)
    return studentized_interval(
        values, clusters=clusters, strata=strata, seed=seed, average=average, bounds=bounds, replicates=replicates
    )


def _too_small(
    values: FloatArray, clusters: Sequence[str] | None, strata: Sequence[str] | None, average: Average
) -> str:
    """Name what is too small, or varies too little, for a bootstrap of graded values."""
    units, labels = unit_codes(clusters, values.size), stratum_codes(strata, average, values.size)
    kind = "items" if clusters is None else "clusters"
    names = sorted(set(strata)) if strata is not None and average == "strata" else ["all"]
    for label, name in enumerate(names):
        chosen = labels == label
        count = int(np.unique(units[chosen]).size)
        place = "" if len(names) == 1 else f" of slice {name}"
        if np.ptp(values[chosen]) == 0:
            return f"the {count} {kind}{place} have one value, {values[chosen][0]:g}"
        if count < FEWEST:
            return f"{count} {kind}{place} are fewer than {FEWEST}"
    return ""
