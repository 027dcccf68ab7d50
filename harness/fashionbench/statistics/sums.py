"""Percentile bootstrap of a score of sums, such as BLEU: whole clusters are drawn, and their statistics added.

A mean of per-item values has :func:`fashionbench.statistics.bootstrap.bootstrap_interval`; this is for a corpus score
that is no mean, but a function of statistics summed over the corpus. No caption is looked at twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import Interval, NoInterval, unit_codes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

REPLICATES = 1000

_LEVEL = 0.95
_CELLS = 2**20  # draws held at a time: 8 MB


def resampled_interval(
    statistics: FloatArray,
    score: Callable[[FloatArray], FloatArray],
    *,
    clusters: Sequence[str],
    seed: int,
    replicates: int = REPLICATES,
) -> Interval | NoInterval:
    """Compute the 95 % percentile interval of ``score(statistics.sum(axis=0))``.

    :param statistics: float [N, S], the summands of each item.
    :param score: from summed statistics [B, S] to scores [B].
    :param clusters: of each item; items of one cluster are drawn together.
    :param seed: of the generator (PCG64).
    :returns: a :class:`NoInterval` where there is one cluster, or every resample has one score.
    :raises MetricError: if a resample has a score that is not finite.
    """
    units = unit_codes(clusters, len(statistics))
    count = int(units.max()) + 1 if units.size else 0
    if count < 2:
        return NoInterval("only one cluster, and resampling it gives the same value every time")
    sums = np.zeros((count, statistics.shape[1]))
    np.add.at(sums, units, statistics)
    rng = np.random.Generator(np.random.PCG64(seed))
    scores = np.empty(replicates)
    step = max(_CELLS // count, 1)
    for start in range(0, replicates, step):
        rows = min(step, replicates - start)
        drawn = rng.integers(0, count, size=(rows, count)) + np.arange(0, rows * count, count)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)
        scores[start : start + rows] = score(times @ sums)
    if not np.isfinite(scores).all():
        raise MetricError(f"{int((~np.isfinite(scores)).sum())} of {replicates} resamples have no finite score")
    if np.ptp(scores) <= 1e-12 * np.abs(scores).max():
        return NoInterval(f"all resamples of the {count} clusters give the same value")
    low, high = np.quantile(scores, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Interval(float(low), float(high), f"bootstrap-percentile/B={replicates}/cluster")
