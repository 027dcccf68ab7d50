"""Scores of queries against one block of the gallery after another: products of vectors, or a matrix that was given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import BackendError
from fashionbench.predictions.rank_counts import describe_indices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench.cores import Map

    Float32Array = NDArray[np.float32]
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

_CHUNK = 512  # vectors converted at a time, so that the second pass over them finds them in the level-2 cache
_PAIRS = 16 * _CHUNK  # pairs scored by a thread at a time


class Products:
    """Cosines or inner products of vectors, with one block of the gallery after another.

    ``doubt`` is how far a score of :meth:`fill` can be from that of :meth:`pairs`, ``rounding`` the same for
    :meth:`exact`; float64 [Nq]. A block of the gallery is what :meth:`block` returns: float32 [Q, n, D]. Methods may be
    called in several threads at once.
    """

    def __init__(self, queries: NDArray[Any], gallery: NDArray[Any], *, normalise: bool, map_: Map) -> None:
        self.shape, self.size_of_item = (queries.shape[0], gallery.shape[0]), gallery.shape[1] * gallery.shape[2]
        norms, self._norms = _norms(queries, "query", map_), _norms(gallery, "gallery", map_)
        self.n_zero_queries, self.n_zero_gallery = (int((one == 0).any(axis=1).sum()) for one in (norms, self._norms))
        self._gallery, self._normalise = gallery, normalise
        self._queries = np.empty((queries.shape[1], queries.shape[0], queries.shape[2]), dtype=np.float32)
        for start in range(0, len(queries), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._queries[:, part] = self._prepare(queries[part], norms[part])
        scale = np.ones(len(queries)) if normalise else norms.max(axis=1) * self._norms.max()
        refuse_rows(scale < np.finfo(np.float32).max, "inner products of the query")
        size = queries.shape[2] + 2  # two more for the rounding of the norms
        self.rounding = scale * size * 2.0**-52
        self.doubt = scale * size * 2.0**-24 / (1 - size * 2.0**-24) + self.rounding

    def block(self, start: int, stop: int) -> Float32Array:
        """Read gallery items and prepare them."""
        return self._prepare(self._gallery[start:stop], self._norms[start:stop])

    def fill(self, start: int, stop: int, block: Float32Array, out: NDArray[Any]) -> None:
        """Write the float32 scores of a range of queries and a block to ``out``."""
        _greatest_products(self._queries[:, start:stop], block, out)

    def exact(self, rows: IntArray, block: Float32Array) -> FloatArray:
        """Return the float64 scores [rows, n] of queries and a block."""
        out = np.empty((rows.size, block.shape[1]))
        _greatest_products(self._queries[:, rows].astype(np.float64), block.astype(np.float64), out)
        return out

    def pairs(self, rows: IntArray, columns: IntArray) -> FloatArray:
        """Return the float64 scores of single pairs of a query and a gallery item."""
        out = np.full(rows.size, -np.inf)
        for start in range(0, rows.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            left = self._queries[:, rows[part]].astype(np.float64)
            right = self._prepare(self._gallery[columns[part]], self._norms[columns[part]]).astype(np.float64)
            for i, j in np.ndindex(len(left), len(right)):
                np.maximum(out[part], np.einsum("pd,pd->p", left[i], right[j]), out=out[part])
        return out

    def _prepare(self, vectors: NDArray[Any], norms: FloatArray) -> Float32Array:
        """Turn items of shape [N, Q, D] into float32 vectors of shape [Q, N, D]."""
        taken = vectors.astype(np.float32)
        if self._normalise:
            taken = (taken / np.where(norms > 0, norms, 1.0)[:, :, None]).astype(np.float32)
        return np.ascontiguousarray(taken.transpose(1, 0, 2))


class Matrix:
    """Scores that were given; nothing about them is in doubt."""

    def __init__(self, scores: NDArray[Any]) -> None:
        self.shape, self.size_of_item = (scores.shape[0], scores.shape[1]), scores.shape[0]
        with np.errstate(over="ignore"):
            self._scores = scores.astype(np.float32, copy=False)
        refuse_rows(np.isfinite(self._scores).all(axis=1), "score")
        self.doubt = self.rounding = np.zeros(len(scores))

    def block(self, start: int, stop: int) -> Float32Array:
        """Return the columns of gallery items."""
        return self._scores[:, start:stop]

    def fill(self, start: int, stop: int, block: Float32Array, out: NDArray[Any]) -> None:
        """As of :class:`Products`."""
        out[...] = block[start:stop]

    def exact(self, rows: IntArray, block: Float32Array) -> FloatArray:
        """As of :class:`Products`."""
        return block[rows].astype(np.float64)

    def pairs(self, rows: IntArray, columns: IntArray) -> FloatArray:
        """As of :class:`Products`."""
        return self._scores[rows, columns].astype(np.float64)


def _norms(vectors: NDArray[Any], name: str, map_: Map) -> FloatArray:
    """Lengths of the float32 vectors, float64 [N, Q]; refuses what is not finite."""
    norms = np.empty(vectors.shape[:2])

    def measure(start: int) -> None:
        with np.errstate(over="ignore"):
            part = vectors[start : start + _CHUNK].astype(np.float32).astype(np.float64)
        norms[start : start + _CHUNK] = np.sqrt(np.einsum("nqd,nqd->nq", part, part))

    for _ in map_(measure, range(0, len(vectors), _CHUNK)):
        pass
    refuse_rows(np.isfinite(norms).all(axis=1), name)
    return norms


def score_pairs(scores: Products | Matrix, rows: IntArray, columns: IntArray, map_: Map) -> FloatArray:
    """Return the float64 scores of many pairs, in threads where ``map_`` has some."""

    def part(start: int) -> FloatArray:
        return scores.pairs(rows[start : start + _PAIRS], columns[start : start + _PAIRS])

    return np.concatenate([np.zeros(0), *map_(part, range(0, rows.size, _PAIRS))])


def refuse_rows(sound: Any, name: str) -> None:
    """Refuse rows that are not sound, bool [N], by their numbers."""
    wrong = np.flatnonzero(~np.asarray(sound, dtype=np.bool_))
    if wrong.size:
        raise BackendError(
            f"{name} rows not finite in float32: {describe_indices(wrong)}", remedy="look for an overflow"
        )


def _greatest_products(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the maximum over all pairs of vectors of [Q, N, D] and [Q', M, D] to [N, M]."""
    np.matmul(left[0], right[0].T, out=out)
    for i, j in list(np.ndindex(len(left), len(right)))[1:]:
        np.maximum(out, left[i] @ right[j].T, out=out)
