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

from fashionbench.cores import map_over_threads, threads_to_use
from fashionbench.errors import BackendError, MetricError
from fashionbench.metrics.retrieval.rank_tally import Best, GalleryLists, Tally
from fashionbench.metrics.retrieval.score_blocks import Matrix, Products
from fashionbench.predictions.rank_counts import Ranking, describe_indices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.cores import Map

    Float32Array = NDArray[np.float32]
    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    Lists = Sequence[Any] | NDArray[Any]


_BLOCK = (1024, 1008)  # 4 MB of scores: from 16 MB upwards counting takes twice the time
_AHEAD = 2**23  # numbers of gallery items that are read and prepared together: 32 MB
_FEW = 2**21  # below so many scores, starting threads takes longer than counting
_MOST_THREADS = 64
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
    block_shape: tuple[int, int] | None = None,
    threads: int | None = None,
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
    :param threads: how many count at once, each its own queries; None for one of each core, as ``OMP_NUM_THREADS``
        allows, and one where there is little to count. It changes the speed and nothing else.
    :raises BackendError: if a vector is not finite in float32, naming the rows, or shapes do not fit.
    :raises MetricError: if a positive is excluded, listed twice or not in the gallery.
    """
    query_vectors, gallery_vectors = _vectors(queries, "query"), _vectors(gallery, "gallery")
    dimensions = {"query": query_vectors.shape[2], "gallery": gallery_vectors.shape[2]}
    if len(set(dimensions.values())) > 1:
        raise BackendError(f"the vectors differ in their number of dimensions: {dimensions}")
    shape = (len(query_vectors), len(gallery_vectors))
    number = _threads(shape, threads)
    with map_over_threads(number) as map_:
        scores = Products(query_vectors, gallery_vectors, normalise=normalise, map_=map_)
        lists = _lists(positives, exclude, shape, block_shape or _block_shape(shape, number))
        result = _count(scores, *lists, tie_tolerance=tie_tolerance, top_k=top_k, map_=map_)
    return Ranking(**result, n_zero_queries=scores.n_zero_queries, n_zero_gallery=scores.n_zero_gallery)


def count_from_scores(
    scores: NDArray[Any],
    positives: Lists,
    *,
    exclude: Lists | None = None,
    tie_tolerance: float = 0.0,
    top_k: int = 0,
    block_shape: tuple[int, int] | None = None,
    threads: int | None = None,
) -> Ranking:
    """Count as :func:`count_ranks` does, from a score matrix that exists: a re-ranking or an imported ranking.

    :param scores: float [Nq, Ng], higher is better, taken as float32.
    :param tie_tolerance: scores no further apart than this are tied. Given scores are compared as they are: unlike
        cosines they have no common scale, and match probabilities crowd together far below 1e-6.
    :raises FashionBenchError: where :func:`count_ranks` does.
    """
    if scores.ndim != 2 or scores.dtype.kind != "f" or not scores.size:
        raise BackendError(f"scores must be a float matrix [queries, gallery], not {scores.dtype}{list(scores.shape)}")
    number = _threads(scores.shape, threads)
    lists = _lists(positives, exclude, scores.shape, block_shape or _block_shape(scores.shape, number))
    with map_over_threads(number) as map_:
        return Ranking(**_count(Matrix(scores), *lists, tie_tolerance=tie_tolerance, top_k=top_k, map_=map_))


def _count(
    scores: Products | Matrix,
    positives: GalleryLists,
    exclude: GalleryLists,
    *,
    tie_tolerance: float,
    top_k: int,
    map_: Map,
) -> dict[str, Any]:
    """Pass once over the gallery, several blocks at a time; one thread at once writes the counts of a query."""
    (n_queries, n_gallery), (query_step, gallery_step) = scores.shape, positives.block_shape
    tally = Tally(scores, positives, tie_tolerance, map_)
    best = Best(n_queries, top_k + _SPARE) if top_k else None

    def load(left: int) -> tuple[int, Float32Array]:
        return left, scores.block(left, min(left + gallery_step, n_gallery))

    def count(top: int) -> None:
        bottom = min(top + query_step, n_queries)
        buffer = np.empty((bottom - top) * min(gallery_step, n_gallery), dtype=np.float32)
        for left, items in loaded:
            width = min(gallery_step, n_gallery - left)
            block = buffer[: (bottom - top) * width].reshape(bottom - top, width)
            scores.fill(top, bottom, items, block)
            exclude.strike(block, top, left)
            if best is not None:
                best.update(block, top, left)
            positives.strike(block, top, left)
            tally.update(block, top, left, items)

    together = max(_AHEAD // (gallery_step * scores.size_of_item), 1) * gallery_step
    for start in range(0, n_gallery, together):
        loaded = list(map_(load, range(start, min(start + together, n_gallery), gallery_step)))
        list(map_(count, range(0, n_queries, query_step)))
    result = {"offsets": positives.offsets, "n_candidates": n_gallery - exclude.lengths, "tie_tolerance": tie_tolerance}
    result.update(better=tally.better, tied=tally.tied, score=tally.score.astype(np.float32))
    if best is not None:
        result["top_index"], result["top_score"] = best.finish(scores, top_k, map_)
    return result


def _threads(shape: tuple[int, int], threads: int | None) -> int:
    return threads or (threads_to_use(_MOST_THREADS) if shape[0] * shape[1] >= _FEW else 1)


def _block_shape(shape: tuple[int, int], threads: int) -> tuple[int, int]:
    """Return how many queries and gallery items make a block, so that threads have equally many blocks of queries."""
    blocks = -(-shape[0] // _BLOCK[0])
    return -(-shape[0] // (-(-blocks // threads) * threads)), _BLOCK[1]


def _vectors(array: NDArray[Any], name: str) -> NDArray[Any]:
    if array.ndim not in {2, 3} or array.dtype.kind != "f" or not array.size:
        raise BackendError(
            f"{name} vectors must be some float [N, D] or [N, Q, D], not {array.dtype}{list(array.shape)}"
        )
    return array if array.ndim == 3 else array[:, None, :]


def _lists(
    positives: Lists, exclude: Lists | None, shape: tuple[int, ...], block_shape: tuple[int, int]
) -> tuple[GalleryLists, GalleryLists]:
    wanted = _keys(positives, shape, "positives")
    barred = np.unique(_keys([()] * shape[0] if exclude is None else exclude, shape, "exclude"))
    once, counts = np.unique(wanted, return_counts=True)
    for wrong, what in ((once[counts > 1], "listed twice"), (np.intersect1d(once, barred), "also excluded")):
        if wrong.size:
            pairs = ", ".join(f"{key // shape[1]}: {key % shape[1]}" for key in wrong[:10].tolist())
            raise MetricError(f"{wrong.size} positives are {what}; as query: gallery index, the first are {pairs}")
    return GalleryLists(wanted, shape, block_shape), GalleryLists(barred, shape, block_shape)


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
