"""Linear centred kernel alignment (CKA) of two representations of the same items."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]


def linear_cka(one: Rows, two: Rows) -> float:
    """Return tr(K L) / (|K| |L|) of centred Gram matrices K and L (Kornblith et al., ICML 2019), in [0, 1].

    It is 0 where all rows of one side are equal. With fewer items than dimensions it is well above 0 for
    representations that have nothing to do with each other, which the shuffled reference shows.
    """
    grams = []
    for rows in (one, two):
        centred = rows - rows.mean(axis=0)
        grams.append(centred @ centred.T)
    norms = float(np.linalg.norm(grams[0]) * np.linalg.norm(grams[1]))
    # Equal rows leave rounding behind, which is aligned with nothing.
    floor = 1e-18 * max(float((one**2).sum() * (two**2).sum()), 1e-30)
    return float((grams[0] * grams[1]).sum()) / norms if norms > floor else 0.0
