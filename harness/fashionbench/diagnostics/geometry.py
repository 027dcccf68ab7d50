"""Geometry of embeddings: alignment, uniformity, modality gap, effective rank, and redundancy of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows = NDArray[np.float64]


def unit(rows: NDArray[np.floating[Any]]) -> Rows:
    """Scale each vector to norm 1; a zero vector stays one."""
    wide = np.asarray(rows, dtype=np.float64)
    norms = np.linalg.norm(wide, axis=-1, keepdims=True)
    scaled: Rows = np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0)
    return scaled


def squared_distances(one: Rows, two: Rows) -> Rows:
    """Return the squared distance of each pair of rows, [N]; its mean is alignment (Wang and Isola, ICML 2020, eq. 1).

    Lower is better aligned; of vectors of norm 1 it lies in [0, 4], and two directions at random have 2.
    """
    distances: Rows = ((one - two) ** 2).sum(axis=-1)
    return distances


def uniformity(rows: Rows) -> float:
    """Return log E exp(-2 |x - y|^2) over pairs of rows (Wang and Isola, ICML 2020, eq. 2); lower is more uniform.

    It is 0 where all rows are equal, and about -4 + 8 / D for directions at random in many dimensions D.
    """
    squares = (rows**2).sum(axis=1)
    distances = squares[:, None] + squares[None] - 2 * rows @ rows.T
    pairs = distances[np.triu_indices(len(rows), 1)]
    return float(np.log(np.exp(-2 * np.maximum(pairs, 0)).mean()))


def modality_gap(images: Rows, texts: Rows) -> float:
    """Return the distance of the mean image from the mean text (Liang et al., NeurIPS 2022)."""
    return float(np.linalg.norm(images.mean(axis=0) - texts.mean(axis=0)))


def effective_rank(rows: Rows) -> float:
    """Return the effective rank of centred rows: exp of the entropy of their singular values (Roy and Vetterli, 2007).

    At most the lesser of the number of rows, less one, and of columns; 0 where all rows are equal.
    """
    centred = rows - rows.mean(axis=0)
    values = np.linalg.svd(centred, compute_uv=False)
    # What is left of equal rows is rounding.
    values = values[values > 1e-10 * max(1.0, float(np.abs(rows).max(initial=0.0)))]
    if not values.size:
        return 0.0
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def query_similarity(vectors: Rows) -> Rows:
    """Return for each item the mean cosine between two of its vectors, [N] of [N, Q, D]; 1 where they are all equal."""
    directions = unit(vectors)
    count = vectors.shape[1]
    cosines = directions @ directions.transpose(0, 2, 1)
    total: Rows = (cosines.sum(axis=(1, 2)) - np.trace(cosines, axis1=1, axis2=2)) / (count * (count - 1))
    return total


def query_rank(vectors: Rows) -> Rows:
    """Return for each item the effective rank of its vectors, not centred, [N] of [N, Q, D]; 1 where all are equal."""
    ranks = []
    for values in np.linalg.svd(vectors, compute_uv=False):
        kept = values[values > 1e-10 * max(1.0, float(values.max(initial=0.0)))]
        shares = kept / kept.sum() if kept.size else np.ones(1)
        ranks.append(np.exp(-(shares * np.log(shares)).sum()))
    return np.array(ranks)
