"""Exact rank counting: how many candidates a query scores better than each of its positives, and how many it ties.

The score matrix exists one block at a time. A float32 product differs in its last bits with the shape of the block, the
library and the number of threads, so it is believed only where it is further from the positive's score than rounding
can reach; the few candidates nearer than that are scored again in float64. The counts are those of float64 arithmetic
on the float32 vectors, equal on every machine. The error bound of a dot product, for any order of summation: N. J.
Higham, *Accuracy and Stability of Numerical Algorithms*, 2nd ed., §3.1. A positive is struck from the block before
counting and never compared with itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import BackendError, MetricError
from fashionbench.predictions.rank_counts import Ranking, describe_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Float32Array = NDArray[np.float32]
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    Lists = Sequence[Any] | NDArray[Any]


_BLOCK = (1024, 1008)  # 4 MB of scores: from 16 MB upwards counting takes twice the time
_TILE = 2**18  # scores compared at a time: 1 MB, so that the second comparison finds them in the level-2 cache
_CHUNK = 512  # vectors converted at a time, for the same reason
_MANY = 32  # from so many positives a query, one sort of its scores is cheaper than a comparison a positive
_DENSE = 16  # work entry by entry while fewer than one score in so many needs it
_SPARE = 8  # further candidates kept behind the top k, so that rounding cannot decide who is the k-th


def count_ranks(
    queries: NDArray[Any],
    gallery: NDArray[Any],
    positives: Lists,
    *,
    exclude: Lists | None = None,
    tie_tolerance: float = 1e-6,
    top_k: int = 0,
    normalise: bool = True,
    block_shape: tuple[int, int] = _BLOCK,
) -> Ranking:
    """Rank a gallery for each query by cosine and count what stands before every positive.

    Memory beyond the arguments is a float32 copy of the queries and a few blocks; the gallery may be a memory map, and
    is read block by block. Counts are of negatives only: neither another positive nor an excluded item is counted.

    :param queries: float [Nq, D], or [Nq, Q, D] for several vectors a query; taken as float32.
    :param gallery: float [Ng, D] or [Ng, Q, D]. Items of several vectors score the maximum over all pairs of them.
    :param positives: for each query, the gallery indices of its positives; may be empty.
    :param exclude: for each query, the gallery indices that are no candidates, such as the reference image.
    :param tie_tolerance: scores no further apart than this are tied.
    :param top_k: how many candidates to return for each query.
    :param normalise: divide every vector by its length; without it the score is the inner product.
    :param block_shape: queries and gallery items scored at a time. It changes the speed and nothing else.
    :raises BackendError: if a vector is not finite in float32, naming the rows, or shapes do not fit.
    :raises MetricError: if a positive is excluded, listed twice or not in the gallery.
    """
    query_vectors, gallery_vectors = _vectors(queries, "query"), _vectors(gallery, "gallery")
    dimensions = {"query": query_vectors.shape[2], "gallery": gallery_vectors.shape[2]}
    if len(set(dimensions.values())) > 1:
        raise BackendError(f"the vectors differ in their number of dimensions: {dimensions}")
    scores = _Products(query_vectors, gallery_vectors, normalise=normalise)
    lists = _lists(positives, exclude, scores.shape, block_shape)
    result = _count(scores, *lists, tie_tolerance=tie_tolerance, top_k=top_k)
    return Ranking(**result, n_zero_queries=scores.n_zero_queries, n_zero_gallery=scores.n_zero_gallery)


def count_from_scores(
    scores: NDArray[Any],
    positives: Lists,
    *,
    exclude: Lists | None = None,
    tie_tolerance: float = 0.0,
    top_k: int = 0,
    block_shape: tuple[int, int] = _BLOCK,
) -> Ranking:
    """Count as :func:`count_ranks` does, from a score matrix that exists: a re-ranking or an imported ranking.

    :param scores: float [Nq, Ng], higher is better, taken as float32.
    :param tie_tolerance: scores no further apart than this are tied. Given scores are compared as they are: unlike
        cosines they have no common scale, and match probabilities crowd together far below 1e-6.
    :raises FashionBenchError: where :func:`count_ranks` does.
    """
    if scores.ndim != 2 or scores.dtype.kind != "f" or not scores.size:
        raise BackendError(f"scores must be a float matrix [queries, gallery], not {scores.dtype}{list(scores.shape)}")
    lists = _lists(positives, exclude, scores.shape, block_shape)
    return Ranking(**_count(_Matrix(scores), *lists, tie_tolerance=tie_tolerance, top_k=top_k))


class _Ragged:
    """Gallery indices of each query, flat, and found by the block of scores that they lie in."""

    def __init__(self, keys: IntArray, shape: tuple[int, ...], block_shape: tuple[int, int]) -> None:
        self.rows, self.flat = np.divmod(keys, shape[1])
        self.lengths = np.bincount(self.rows, minlength=shape[0])
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)])
        self.block_shape, self._across = block_shape, -(-shape[0] // block_shape[0])
        cells = self.flat // block_shape[1] * self._across + self.rows // block_shape[0]
        self._by_cell = np.argsort(cells, kind="stable")
        self._cells = cells[self._by_cell]

    def strike(self, block: Float32Array, top: int, left: int) -> None:
        """Take the entries out of the running in the block that starts there."""
        cell = left // self.block_shape[1] * self._across + top // self.block_shape[0]
        start, stop = np.searchsorted(self._cells, [cell, cell + 1])
        entries = self._by_cell[start:stop]
        block[self.rows[entries] - top, self.flat[entries] - left] = -np.inf


class _Products:
    """Cosines or inner products of vectors, with one block of the gallery after another.

    ``doubt`` is how far a score of :meth:`fill` can be from that of :meth:`pairs`, ``rounding`` the same for
    :meth:`exact`; float64 [Nq].
    """

    def __init__(self, queries: NDArray[Any], gallery: NDArray[Any], *, normalise: bool) -> None:
        self.shape = (queries.shape[0], gallery.shape[0])
        norms, self._norms = _norms(queries, "query"), _norms(gallery, "gallery")
        self.n_zero_queries, self.n_zero_gallery = (int((one == 0).any(axis=1).sum()) for one in (norms, self._norms))
        self._gallery, self._normalise = gallery, normalise
        self._queries = np.empty((queries.shape[1], queries.shape[0], queries.shape[2]), dtype=np.float32)
        for start in range(0, len(queries), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._queries[:, part] = self._prepare(queries[part], norms[part])
        scale = np.ones(len(queries)) if normalise else norms.max(axis=1) * self._norms.max()
        _refuse_rows(scale < np.finfo(np.float32).max, "inner products of the query")
        size = queries.shape[2] + 2  # two more for the rounding of the norms
        self.rounding = scale * size * 2.0**-52
        self.doubt = scale * size * 2.0**-24 / (1 - size * 2.0**-24) + self.rounding

    def load(self, start: int, stop: int) -> None:
        self._block = self._prepare(self._gallery[start:stop], self._norms[start:stop])

    def fill(self, start: int, stop: int, out: NDArray[Any]) -> None:
        _greatest_products(self._queries[:, start:stop], self._block, out)

    def exact(self, rows: IntArray) -> FloatArray:
        out = np.empty((rows.size, self._block.shape[1]))
        _greatest_products(self._queries[:, rows].astype(np.float64), self._block.astype(np.float64), out)
        return out

    def pairs(self, rows: IntArray, columns: IntArray) -> FloatArray:
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


class _Matrix:
    """Scores that were given; nothing about them is in doubt."""

    def __init__(self, scores: NDArray[Any]) -> None:
        self.shape = (scores.shape[0], scores.shape[1])
        with np.errstate(over="ignore"):
            self._scores = scores.astype(np.float32, copy=False)
        _refuse_rows(np.isfinite(self._scores).all(axis=1), "score")
        self._columns = slice(0)
        self.doubt = self.rounding = np.zeros(len(scores))

    def load(self, start: int, stop: int) -> None:
        self._columns = slice(start, stop)

    def fill(self, start: int, stop: int, out: NDArray[Any]) -> None:
        out[...] = self._scores[start:stop, self._columns]

    def exact(self, rows: IntArray) -> FloatArray:
        return self._scores[rows, self._columns].astype(np.float64)

    def pairs(self, rows: IntArray, columns: IntArray) -> FloatArray:
        return self._scores[rows, columns].astype(np.float64)


def _count(
    scores: _Products | _Matrix, positives: _Ragged, exclude: _Ragged, *, tie_tolerance: float, top_k: int
) -> dict[str, Any]:
    """Pass once over the gallery."""
    (n_queries, n_gallery), (query_step, gallery_step) = scores.shape, positives.block_shape
    tally = _Tally(scores, positives, tie_tolerance)
    best = _Best(n_queries, top_k + _SPARE) if top_k else None
    buffer = np.empty(min(query_step, n_queries) * min(gallery_step, n_gallery), dtype=np.float32)
    for left in range(0, n_gallery, gallery_step):
        right = min(left + gallery_step, n_gallery)
        scores.load(left, right)
        tally.load(left, right)
        for top in range(0, n_queries, query_step):
            bottom = min(top + query_step, n_queries)
            block = buffer[: (bottom - top) * (right - left)].reshape(bottom - top, right - left)
            scores.fill(top, bottom, block)
            exclude.strike(block, top, left)
            if best is not None:
                best.update(block, top, left)
            positives.strike(block, top, left)
            tally.update(block, top)
    result = {"offsets": positives.offsets, "n_candidates": n_gallery - exclude.lengths, "tie_tolerance": tie_tolerance}
    result.update(better=tally.better, tied=tally.tied, score=tally.score.astype(np.float32))
    if best is not None:
        result["top_index"], result["top_score"] = best.finish(scores, top_k)
    return result


class _Tally:
    """Counts for every positive."""

    def __init__(self, scores: _Products | _Matrix, own: _Ragged, tie_tolerance: float) -> None:
        self._scores, self._lengths, self._offsets = scores, own.lengths, own.offsets
        self.score = scores.pairs(own.rows, own.flat)
        self.better, self.tied = np.zeros((2, own.flat.size), dtype=np.int64)
        self._slack = tie_tolerance + scores.rounding
        self._reach = tie_tolerance + scores.doubt

    def load(self, left: int, right: int) -> None:
        # Flags are counted eight to a word; the columns that fill the last word stay False.
        self._left, self._width = left, right - left
        self._rows = max(_TILE // self._width, 1)
        self._flags = np.zeros((2, self._rows, -(-self._width // 8) * 8), dtype=np.bool_)

    def update(self, block: Float32Array, top: int) -> None:
        for start in range(0, len(block), self._rows):
            tile = block[start : start + self._rows]
            lengths = self._lengths[top + start : top + start + len(tile)]
            many = np.flatnonzero(lengths > _MANY)
            if many.size:
                self._sort(tile[many], top + start + many)
            for slot in range(min(lengths.max(), _MANY)):
                rows = np.flatnonzero((lengths > slot) & (lengths <= _MANY))
                if rows.size:
                    self._compare(tile if rows.size == len(tile) else tile[rows], top + start + rows, slot)

    def _compare(self, tile: Float32Array, queries: IntArray, slot: int) -> None:
        at = self._offsets[queries] + slot
        own, reach, slack = self.score[at], self._reach[queries], self._slack[queries]
        least, most = _float32(own - reach, -np.inf), _float32(own + reach, np.inf)
        above, near = self._flags[:, : len(tile)]
        np.greater_equal(tile, least, out=near[:, : self._width])
        if np.count_nonzero(near) * _DENSE < tile.size:
            rows, columns = np.divmod(np.flatnonzero(near), near.shape[1])
            sure = tile[rows, columns] > most[rows, 0]
            self.better[at] += np.bincount(rows[sure], minlength=len(tile))
            rows, columns = rows[~sure], columns[~sure]
        else:
            np.greater(tile, most, out=above[:, : self._width])
            self.better[at] += np.bitwise_count(above.view(np.uint64)).sum(axis=1, dtype=np.int64)
            rows, columns = np.divmod(np.flatnonzero(np.not_equal(above, near, out=near)), near.shape[1])
        if rows.size * _DENSE < tile.size:
            score = self._scores.pairs(queries[rows], self._left + columns)
        else:
            score = self._scores.exact(queries)[rows, columns]
        better = score > (own + slack)[rows]
        tied = ~better & (score >= (own - slack)[rows])
        self.better[at] += np.bincount(rows[better], minlength=len(tile))
        self.tied[at] += np.bincount(rows[tied], minlength=len(tile))

    def _sort(self, tile: Float32Array, queries: IntArray) -> None:
        exact = self._scores.exact(queries)
        exact[np.isneginf(tile)] = -np.inf
        exact.sort(axis=1)
        for query, ascending in zip(queries, exact, strict=True):
            at = slice(self._offsets[query], self._offsets[query + 1])
            not_better = np.searchsorted(ascending, self.score[at] + self._slack[query], side="right")
            worse = np.searchsorted(ascending, self.score[at] - self._slack[query], side="left")
            self.better[at] += ascending.size - not_better
            self.tied[at] += not_better - worse


class _Best:
    """The best candidates of each query so far, best first."""

    def __init__(self, n_queries: int, size: int) -> None:
        self._score = np.full((n_queries, size), -np.inf, dtype=np.float32)
        self._index = np.full((n_queries, size), -1, dtype=np.int64)

    def update(self, block: Float32Array, top: int, left: int) -> None:
        score, index = self._score[top : top + len(block)], self._index[top : top + len(block)]
        size, width = score.shape[1], block.shape[1]
        enters = block > score[:, -1:]  # the gallery comes in ascending order, so that a tie is lost to the earlier one
        if np.count_nonzero(enters) > 2 * score.size and width > size:
            enters &= block >= np.partition(block, width - size, axis=1)[:, width - size, None]
        rows, columns = np.divmod(np.flatnonzero(enters), width)
        counts = np.bincount(rows, minlength=len(block))
        changed = np.flatnonzero(counts)
        place = size + np.arange(rows.size) - np.repeat(np.cumsum(counts) - counts, counts)
        line = np.repeat(np.arange(changed.size), counts[changed])
        scores = np.full((changed.size, size + counts.max()), -np.inf, dtype=np.float32)
        indices = np.full(scores.shape, -1, dtype=np.int64)
        scores[:, :size], indices[:, :size] = score[changed], index[changed]
        scores[line, place], indices[line, place] = block[rows, columns], columns + left
        order = np.argsort(-scores, axis=1, kind="stable")[:, :size]
        score[changed] = np.take_along_axis(scores, order, axis=1)
        index[changed] = np.take_along_axis(indices, order, axis=1)

    def finish(self, scores: _Products | _Matrix, k: int) -> tuple[IntArray, Float32Array]:
        """Order by exact score, so that copies of an item stand by their index, and cut at k."""
        found = self._index >= 0
        self._score[found] = scores.pairs(np.nonzero(found)[0], self._index[found])
        order = np.lexsort((self._index, -self._score), axis=-1)[:, :k]
        return np.take_along_axis(self._index, order, axis=1), np.take_along_axis(self._score, order, axis=1)


def _vectors(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.ndim not in {2, 3} or array.dtype.kind != "f" or not array.size:
        raise BackendError(
            f"{name} vectors must be some float [N, D] or [N, Q, D], not {array.dtype}{list(array.shape)}"
        )
    return array if array.ndim == 3 else array[:, None, :]


def _norms(vectors: NDArray[Any], name: str) -> FloatArray:
    """Lengths of the float32 vectors, float64 [N, Q]; refuses what is not finite."""
    norms = np.empty(vectors.shape[:2])
    for start in range(0, len(vectors), _CHUNK):
        with np.errstate(over="ignore"):
            part = vectors[start : start + _CHUNK].astype(np.float32).astype(np.float64)
        norms[start : start + _CHUNK] = np.sqrt(np.einsum("nqd,nqd->nq", part, part))
    _refuse_rows(np.isfinite(norms).all(axis=1), name)
    return norms


def _refuse_rows(sound: Any, name: str) -> None:
    wrong = np.flatnonzero(~np.asarray(sound, dtype=np.bool_))
    if wrong.size:
        raise BackendError(
            f"{name} rows not finite in float32: {describe_indices(wrong)}", remedy="look for an overflow"
        )


def _lists(
    positives: Lists, exclude: Lists | None, shape: tuple[int, ...], block_shape: tuple[int, int]
) -> tuple[_Ragged, _Ragged]:
    wanted = _keys(positives, shape, "positives")
    barred = np.unique(_keys([()] * shape[0] if exclude is None else exclude, shape, "exclude"))
    once, counts = np.unique(wanted, return_counts=True)
    for wrong, what in ((once[counts > 1], "listed twice"), (np.intersect1d(once, barred), "also excluded")):
        if wrong.size:
            pairs = ", ".join(f"{key // shape[1]}: {key % shape[1]}" for key in wrong[:10].tolist())
            raise MetricError(f"{wrong.size} positives are {what}; as query: gallery index, the first are {pairs}")
    return _Ragged(wanted, shape, block_shape), _Ragged(barred, shape, block_shape)


def _keys(lists: Lists, shape: tuple[int, ...], name: str) -> IntArray:
    """Check the gallery indices of each query, and number the pairs of both along the rows of the score matrix."""
    if len(lists) != shape[0]:
        raise MetricError(f"{name} has {len(lists)} lists for {shape[0]} queries")
    filled = [one for one in lists if len(one)]
    flat = np.concatenate(filled) if filled else np.zeros(0, dtype=np.int64)
    if flat.dtype.kind not in "iu" or flat.ndim != 1:
        raise MetricError(f"{name} must hold gallery indices, one list of integers a query, not {flat.dtype}")
    rows = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    outside = np.unique(rows[(flat < 0) | (flat >= shape[1])])
    if outside.size:
        raise MetricError(f"{name} outside the gallery of {shape[1]} at the queries {describe_indices(outside)}")
    return rows * shape[1] + flat.astype(np.int64)


def _greatest_products(left: NDArray[Any], right: NDArray[Any], out: NDArray[Any]) -> None:
    """Write the maximum over all pairs of vectors of [Q, N, D] and [Q', M, D] to [N, M]."""
    np.matmul(left[0], right[0].T, out=out)
    for i, j in list(np.ndindex(len(left), len(right)))[1:]:
        np.maximum(out, left[i] @ right[j].T, out=out)


def _float32(bounds: FloatArray, towards: float) -> Float32Array:
    """Round outwards to a float32 column, so that rounding a bound never settles a comparison."""
    return np.nextafter(bounds.astype(np.float32), np.float32(towards))[:, None]
