"""Nearest neighbours: hubness, and how much two representations agree on who is near whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]


def nearest(scores: Rows, k: int) -> NDArray[np.int64]:
    """Return the k columns with the highest scores of each row; of equal scores the earlier column."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :k]


def occurrences(scores: Rows, k: int) -> NDArray[np.int64]:
    """Count for each column how many rows have it among their k nearest (the k-occurrence)."""
    return np.bincount(nearest(scores, k).ravel(), minlength=scores.shape[1])


def hubness(scores: Rows, k: int) -> float:
    """Return the skewness of the k-occurrences (Radovanovic et al., JMLR 2010); 0 where all are asked for alike.

    A high one says that a few candidates, hubs, stand among the nearest of many queries.
    """
    counts = occurrences(scores, k).astype(np.float64)
    spread = counts.std()
    return float((((counts - counts.mean()) / spread) ** 3).mean()) if spread > 0 else 0.0


def mutual_neighbours(one: Rows, two: Rows, k: int) -> Rows:
    """Return for each item which share of its k nearest is the same in both representations (Huh et al., ICML 2024).

    Near is a high inner product, so rows are centred and scaled by the caller; an item is no neighbour of itself.
    """
    sides = []
    for rows in (one, two):
        scores = rows @ rows.T
        np.fill_diagonal(scores, -np.inf)
        chosen = np.zeros(scores.shape, dtype=np.bool_)
        np.put_along_axis(chosen, nearest(scores, k), values=True, axis=1)
        sides.append(chosen)
    shares: Rows = (sides[0] & sides[1]).sum(axis=1) / k
    return shares
