"""Standard errors and intervals of estimates that are moved by each of many independent units."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.sampling import FEWEST

if TYPE_CHECKING:
    from numpy.typing import NDArray


def error_of(influences: NDArray[np.float64]) -> float:
    """Return the standard error of an estimate from by how much each unit moves it, float64 [n].

    Those of two estimates over the same units are subtracted unit by unit for the error of their difference.
    """
    n = influences.size
    return float(np.sqrt(n / (n - 1) * (influences**2).sum()))


def jackknife_interval(value: float, error: float, units: int, level: float = 0.95) -> Interval | NoInterval:
    """Return the interval by Student's t with one degree of freedom fewer than units.

    :param units: how many were left out, one at a time.
    :returns: a :class:`NoInterval` for fewer than 40 units, and where leaving one out changes nothing.
    """
    from scipy.special import stdtrit  # noqa: PLC0415  # scipy.stats takes ten times as long to be imported

    if error == 0:
        return NoInterval("leaving out any one changes nothing")
    if units < FEWEST:
        return NoInterval(f"{units} units are fewer than {FEWEST}")
    half = float(stdtrit(units - 1, 0.5 + level / 2)) * error
    return Interval(value - half, value + half, f"jackknife over {units}, Student's t")
