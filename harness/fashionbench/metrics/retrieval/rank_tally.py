"""What is counted of scores, block by block: candidates before each positive, and the best candidates of each query."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.metrics.retrieval.score_blocks import score_pairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench.cores import Map
    from fashionbench.metrics.retrieval.score_blocks import Matrix, Products

    Float32Array = NDArray[np.float32]
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

_TILE = 2**18  # scores compared at a time: 1 MB, so that the second comparison finds them in the level-2 cache
_MANY = 32  # from so many positives a query, one sort of its scores is cheaper than a comparison a positive
_DENSE = 16  # work entry by entry while fewer than one score in so many needs it


class GalleryLists:
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


class Tally:
    """Counts for every positive. Threads may count blocks of different queries at once."""

    def __init__(self, scores: Products | Matrix, own: GalleryLists, tie_tolerance: float, map_: Map) -> None:
        self._scores, self._lengths, self._offsets = scores, own.lengths, own.offsets
        self.score = score_pairs(scores, own.rows, own.flat, map_)
        self.better, self.tied = np.zeros((2, own.flat.size), dtype=np.int64)
        self._slack = tie_tolerance + scores.rounding
        self._reach = tie_tolerance + scores.doubt

    def update(self, block: Float32Array, top: int, left: int, items: Float32Array) -> None:
        """Count a block of scores.

        :param block: float32 [n, m], the scores of the queries from ``top`` and the gallery items from ``left``.
        :param items: that block of the gallery, to score again what is in doubt.
        """
        step = max(_TILE // block.shape[1], 1)
        # Flags are counted eight to a word; the columns that fill the last word stay False.
        flags = np.zeros((2, min(step, len(block)), -(-block.shape[1] // 8) * 8), dtype=np.bool_)
        for start in range(0, len(block), step):
            tile = block[start : start + step]
            lengths = self._lengths[top + start : top + start + len(tile)]
            many = np.flatnonzero(lengths > _MANY)
            if many.size:
                self._sort(tile[many], top + start + many, items)
            for slot in range(min(lengths.max(), _MANY)):
                rows = np.flatnonzero((lengths > slot) & (lengths <= _MANY))
                if rows.size:
                    part = tile if rows.size == len(tile) else tile[rows]
                    self._compare(part, top + start + rows, slot, left, items, flags[:, : len(part)])

    def _compare(
        self,
        tile: Float32Array,
        queries: IntArray,
        slot: int,
        left: int,
        items: Float32Array,
        flags: NDArray[np.bool_],
    ) -> None:
        at = self._offsets[queries] + slot
        own, reach, slack = self.score[at], self._reach[queries], self._slack[queries]
        least, most = _float32(own - reach, -np.inf), _float32(own + reach, np.inf)
        above, near = flags
        np.greater_equal(tile, least, out=near[:, : tile.shape[1]])
        if np.count_nonzero(near) * _DENSE < tile.size:
            rows, columns = np.divmod(np.flatnonzero(near), near.shape[1])
            sure = tile[rows, columns] > most[rows, 0]
            self.better[at] += np.bincount(rows[sure], minlength=len(tile))
            rows, columns = rows[~sure], columns[~sure]
        else:
            np.greater(tile, most, out=above[:, : tile.shape[1]])
            self.better[at] += np.bitwise_count(above.view(np.uint64)).sum(axis=1, dtype=np.int64)
            rows, columns = np.divmod(np.flatnonzero(np.not_equal(above, near, out=near)), near.shape[1])
        if rows.size * _DENSE < tile.size:
            score = self._scores.pairs(queries[rows], left + columns)
        else:
            score = self._scores.exact(queries, items)[rows, columns]
        better = score > (own + slack)[rows]
        tied = ~better & (score >= (own - slack)[rows])
        self.better[at] += np.bincount(rows[better], minlength=len(tile))
        self.tied[at] += np.bincount(rows[tied], minlength=len(tile))

    def _sort(self, tile: Float32Array, queries: IntArray, items: Float32Array) -> None:
        exact = self._scores.exact(queries, items)
        exact[np.isneginf(tile)] = -np.inf
        exact.sort(axis=1)
        for query, ascending in zip(queries, exact, strict=True):
            at = slice(self._offsets[query], self._offsets[query + 1])
            not_better = np.searchsorted(ascending, self.score[at] + self._slack[query], side="right")
            worse = np.searchsorted(ascending, self.score[at] - self._slack[query], side="left")
            self.better[at] += ascending.size - not_better
            self.tied[at] += not_better - worse


class Best:
    """The best candidates of each query so far, best first. Threads may add blocks of different queries at once."""

    def __init__(self, n_queries: int, size: int) -> None:
        self._score = np.full((n_queries, size), -np.inf, dtype=np.float32)
        self._index = np.full((n_queries, size), -1, dtype=np.int64)

    def update(self, block: Float32Array, top: int, left: int) -> None:
        """Add a block of scores, of the queries from ``top`` and the gallery items from ``left``."""
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

    def finish(self, scores: Products | Matrix, k: int, map_: Map) -> tuple[IntArray, Float32Array]:
        """Order by exact score, so that copies of an item stand by their index, and cut at k."""
        found = self._index >= 0
        self._score[found] = score_pairs(scores, np.nonzero(found)[0], self._index[found], map_)
        order = np.lexsort((self._index, -self._score), axis=-1)[:, :k]
        return np.take_along_axis(self._index, order, axis=1), np.take_along_axis(self._score, order, axis=1)


def _float32(bounds: FloatArray, towards: float) -> Float32Array:
    """Round outwards to a float32 column, so that rounding a bound never settles a comparison."""
    return np.nextafter(bounds.astype(np.float32), np.float32(towards))[:, None]
