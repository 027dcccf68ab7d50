from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench.errors import BackendError, MetricError
from fashionbench.metrics.retrieval.at_k import hit_at_k
from fashionbench.metrics.retrieval.rank_counting import count_from_scores, count_ranks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.predictions.rank_counts import Ranking

TOLERANCE = 1e-6
BLOCKS = [(1, 1), (3, 7), (64, 5), (5, 64), (1024, 1008)]


def cosines(queries: NDArray[Any], gallery: NDArray[Any]) -> NDArray[np.float64]:
    """The score matrix in float64, by einsum over every pair of vectors."""

    def unit(vectors: NDArray[Any]) -> NDArray[np.float64]:
        wide = vectors.reshape(len(vectors), -1, vectors.shape[-1]).astype(np.float64)
        length = np.linalg.norm(wide, axis=2, keepdims=True)
        return np.asarray(wide / np.where(length > 0, length, 1))

    return np.asarray(np.einsum("iqd,jrd->ijqr", unit(queries), unit(gallery)).max(axis=(2, 3)))


def oracle(
    scores: NDArray[Any],
    positives: Sequence[Sequence[int]],
    exclude: Sequence[Sequence[int]] | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[list[int], list[int]]:
    """Better and tied negatives of every positive, one pair at a time."""
    better, tied = [], []
    for query, own in enumerate(positives):
        barred = set(own) | set(exclude[query] if exclude is not None else ())
        negatives = [float(scores[query, j]) for j in range(scores.shape[1]) if j not in barred]
        for positive in own:
            score = float(scores[query, positive])
            better.append(sum(s - score > tolerance for s in negatives))
            tied.append(sum(abs(s - score) <= tolerance for s in negatives))
    return better, tied


def same(first: Ranking, second: Ranking) -> bool:
    return all(
        np.array_equal(getattr(first, name), getattr(second, name))
        for name in ("offsets", "better", "tied", "score", "n_candidates", "top_index", "top_score")
        if getattr(first, name) is not None
    )


def clumped(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Vectors of small whole numbers, of which many are equal or point the same way."""
    return rng.integers(-1, 2, size=shape).astype(np.float32)


def random_lists(rng: np.random.Generator, n_queries: int, n_gallery: int, most: int) -> list[list[int]]:
    sizes = rng.integers(0, most + 1, size=n_queries)
    return [rng.choice(n_gallery, size=size, replace=False).tolist() for size in sizes]


def test_counts_of_a_hand_written_matrix() -> None:
    scores = np.array([[0.9, 0.5, 0.5, 0.1, 0.7], [0.2, 0.2, 0.2, 0.2, 0.2]], dtype=np.float32)
    ranking = count_from_scores(scores, [[1], [3, 0]], exclude=[[4], []], top_k=6)
    assert ranking.offsets.tolist() == [0, 1, 3]
    assert ranking.better.tolist() == [1, 0, 0]
    assert ranking.tied.tolist() == [1, 3, 3]
    assert ranking.score.tolist() == pytest.approx([0.5, 0.2, 0.2])
    assert ranking.n_candidates.tolist() == [4, 5]
    assert ranking.top_index is not None
    assert ranking.top_score is not None
    assert ranking.top_index.tolist() == [[0, 1, 2, 3, -1, -1], [0, 1, 2, 3, 4, -1]]
    assert ranking.top_score[0].tolist() == pytest.approx([0.9, 0.5, 0.5, 0.1, -np.inf, -np.inf])


@pytest.mark.parametrize("block_shape", BLOCKS)
@pytest.mark.parametrize(("most", "exclude_most"), [(1, 0), (3, 4), (40, 9)])
def test_agrees_with_pairwise_counting_when_many_are_tied(
    block_shape: tuple[int, int], most: int, exclude_most: int
) -> None:
    rng = np.random.default_rng(most)
    queries, gallery = clumped(rng, (23, 4)), clumped(rng, (71, 4))
    positives = random_lists(rng, 23, 71, most)
    exclude = [
        [j for j in barred if j not in own]
        for barred, own in zip(random_lists(rng, 23, 71, exclude_most), positives, strict=True)
    ]
    ranking = count_ranks(queries, gallery, positives, exclude=exclude, block_shape=block_shape)
    better, tied = oracle(cosines(queries, gallery), positives, exclude)
    assert ranking.better.tolist() == better
    assert ranking.tied.tolist() == tied
    assert sum(tied) > 0
    assert ranking.n_candidates.tolist() == [71 - len(barred) for barred in exclude]


@pytest.mark.parametrize("noise", [0.5, 3.0, 100.0])
def test_agrees_with_float64_on_continuous_vectors(noise: float) -> None:
    rng = np.random.default_rng(5)
    gallery = rng.standard_normal((900, 48)).astype(np.float32)
    queries = (gallery[:300] + noise * rng.standard_normal((300, 48))).astype(np.float32)
    positives = np.arange(300)[:, None]
    ranking = count_ranks(queries, gallery, positives)
    better, tied = oracle(cosines(queries, gallery), positives.tolist())
    assert ranking.better.tolist() == better
    assert ranking.tied.tolist() == tied


@pytest.mark.parametrize("shapes", [((9, 3, 5), (31, 5)), ((9, 5), (31, 4, 5)), ((9, 2, 5), (31, 3, 5))])
def test_several_vectors_score_their_best_pair(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rng = np.random.default_rng(3)
    queries, gallery = (rng.standard_normal(shape).astype(np.float32) for shape in shapes)
    gallery[7] = gallery[20]
    positives = [*random_lists(rng, 8, 31, 4), [7]]
    scores = cosines(queries, gallery)
    ranking = count_ranks(queries, gallery, positives, top_k=5, block_shape=(4, 8))
    better, tied = oracle(scores, positives)
    assert ranking.better.tolist() == better
    assert ranking.tied.tolist() == tied
    assert tied[-1] == 1
    assert ranking.top_index is not None
    expected = np.lexsort((np.arange(31) + np.zeros((9, 1)), -scores.astype(np.float32)), axis=-1)[:, :5]
    assert ranking.top_index.tolist() == expected.tolist()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    block_shape=st.none() | st.tuples(st.integers(1, 40), st.integers(1, 40)),
    threads=st.integers(1, 3),
)
def test_block_shape_and_threads_decide_nothing(seed: int, block_shape: tuple[int, int] | None, threads: int) -> None:
    rng = np.random.default_rng(seed)
    queries = rng.standard_normal((12, 6)).astype(np.float32)
    gallery = rng.standard_normal((30, 6)).astype(np.float32)[rng.integers(0, 30, 30)]
    positives = random_lists(rng, 12, 30, 3)
    one = count_ranks(queries, gallery, positives, top_k=7)
    other = count_ranks(queries, gallery, positives, top_k=7, block_shape=block_shape, threads=threads)
    assert same(one, other)


def test_threads_count_large_galleries_as_one_does() -> None:
    # Large enough that threads are taken by themselves, with blocks of several gallery parts and of unequal lengths.
    rng = np.random.default_rng(4)
    gallery = rng.standard_normal((9_500, 24)).astype(np.float32)
    queries = gallery[:1_100] + rng.standard_normal((1_100, 24)).astype(np.float32)
    positives = [[i] if i % 3 else [i, i + 5_000] for i in range(1_100)]
    exclude = [[i + 1] for i in range(1_100)]
    one, several, own = (
        count_ranks(queries, gallery, positives, exclude=exclude, top_k=6, threads=threads) for threads in (1, 3, None)
    )
    assert same(one, several)
    assert same(one, own)
    scores = (queries @ gallery.T).astype(np.float32)
    assert same(*(count_from_scores(scores, positives, exclude=exclude, top_k=6, threads=n) for n in (1, 3)))


def test_what_fails_in_a_thread_is_told() -> None:
    gallery = np.ones((4_000, 3))
    gallery[[4, 3_017], 1] = np.nan
    with pytest.raises(BackendError, match=re.escape("gallery rows not finite in float32: 4, 3017")):
        count_ranks(np.ones((2, 3)), gallery, [[0], [1]], threads=2)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_of_the_gallery_and_of_the_queries_decides_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, gallery = clumped(rng, (11, 3)), rng.standard_normal((29, 3)).astype(np.float32)[rng.integers(0, 29, 29)]
    positives = random_lists(rng, 11, 29, 3)
    shuffled, turned = rng.permutation(29), rng.permutation(11)
    place = np.argsort(shuffled)
    one = count_ranks(queries, gallery, positives, block_shape=(4, 8))
    other = count_ranks(
        queries[turned], gallery[shuffled], [place[positives[q]].tolist() for q in turned], block_shape=(4, 8)
    )
    for new, old in enumerate(turned):
        for name in ("better", "tied", "score"):
            a = getattr(one, name)[one.offsets[old] : one.offsets[old + 1]]
            b = getattr(other, name)[other.offsets[new] : other.offsets[new + 1]]
            assert a.tolist() == b.tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_float_types_are_taken_as_float32(dtype: type[np.floating[Any]]) -> None:
    rng = np.random.default_rng(0)
    queries: NDArray[Any] = rng.standard_normal((8, 6)).astype(dtype)
    gallery: NDArray[Any] = rng.standard_normal((40, 6)).astype(dtype)
    positives = np.arange(8)[:, None]
    one = count_ranks(queries, gallery, positives, top_k=3)
    assert same(one, count_ranks(queries.astype(np.float32), gallery.astype(np.float32), positives, top_k=3))


def test_a_gallery_on_disk_is_counted_as_one_in_memory(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    queries, gallery = rng.standard_normal((8, 6)).astype(np.float16), rng.standard_normal((40, 6)).astype(np.float16)
    stored = np.lib.format.open_memmap(tmp_path / "gallery.npy", mode="w+", dtype=np.float16, shape=gallery.shape)
    stored[...] = gallery
    positives = np.arange(8)[:, None]
    assert same(count_ranks(queries, gallery, positives), count_ranks(queries, stored, positives, block_shape=(3, 7)))


def test_a_positive_is_never_better_than_itself() -> None:
    # Non-negative vectors near their positive: float32 products of different shapes differ most here.
    rng = np.random.default_rng(0)
    gallery = np.abs(rng.standard_normal((3000, 256))).astype(np.float32)
    queries = gallery[:700] + 0.01 * rng.standard_normal((700, 256)).astype(np.float32)
    for block_shape in ((512, 2048), (700, 100), (1, 3000)):
        ranking = count_ranks(queries, gallery, np.arange(700)[:, None], block_shape=block_shape)
        assert ranking.better.max() == 0
        assert ranking.tied.max() == 0


def test_copies_of_the_positive_are_tied_wherever_they_stand() -> None:
    rng = np.random.default_rng(1)
    gallery = np.abs(rng.standard_normal((2500, 96))).astype(np.float32)
    gallery[[3, 1007, 1008, 2499]] = gallery[3]
    queries = np.abs(rng.standard_normal((50, 96))).astype(np.float32)
    tied = [count_ranks(queries, gallery, [[p]] * 50).tied for p in (3, 1007, 1008, 2499)]
    assert all((counts >= 3).all() for counts in tied)
    assert all(np.array_equal(counts, tied[0]) for counts in tied)


@pytest.mark.parametrize("n_positives", [1, 3, 50])
def test_a_constant_scorer_gets_chance(n_positives: int) -> None:
    vectors = np.full((200, 24), 1 / 3, dtype=np.float32)
    positives = [range(i, i + n_positives) for i in range(20)]
    ranking = count_ranks(vectors[:20], vectors, positives, top_k=4, block_shape=(8, 64))
    assert ranking.better.max() == 0
    assert (ranking.tied == 200 - n_positives).all()
    assert ranking.top_index is not None
    assert (ranking.top_index == np.arange(4)).all()
    if n_positives == 1:
        np.testing.assert_allclose(hit_at_k(ranking, 10), 10 / 200, rtol=1e-12)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 45), width=st.integers(1, 40))
def test_top_k_is_the_head_of_a_stable_sort(seed: int, k: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(9, 37)).astype(np.float32)
    exclude = random_lists(rng, 9, 37, 5)
    ranking = count_from_scores(scores, [[]] * 9, exclude=exclude, top_k=k, block_shape=(4, width))
    assert ranking.top_index is not None
    assert ranking.top_score is not None
    for row, barred in enumerate(exclude):
        candidates = [j for j in np.argsort(-scores[row], kind="stable").tolist() if j not in barred][:k]
        padding = k - len(candidates)
        assert ranking.top_index[row].tolist() == candidates + [-1] * padding
        assert ranking.top_score[row].tolist() == scores[row, candidates].tolist() + [-np.inf] * padding


def test_the_score_of_a_pair_is_one_number_in_the_counts_and_in_the_top_k() -> None:
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((400, 64)).astype(np.float32)
    ranking = count_ranks(gallery[:50] + 0.1, gallery, np.arange(50)[:, None], top_k=1)
    assert ranking.top_index is not None
    assert ranking.top_score is not None
    assert ranking.top_index[:, 0].tolist() == list(range(50))
    assert ranking.top_score[:, 0].tolist() == ranking.score.tolist()


def test_inner_products_of_long_vectors_still_tie_copies() -> None:
    rng = np.random.default_rng(2)
    gallery = (300 * rng.standard_normal((600, 64))).astype(np.float32)
    gallery[500] = gallery[4]
    queries = (300 * rng.standard_normal((40, 64))).astype(np.float32)
    ranking = count_ranks(queries, gallery, [[4]] * 40, normalise=False, tie_tolerance=0.0)
    scores = queries.astype(np.float64) @ gallery.astype(np.float64).T
    assert ranking.better.tolist() == (scores > scores[:, [4]] + 1e-6).sum(axis=1).tolist()
    assert ranking.tied.tolist() == [1] * 40


def test_zero_vectors_score_nought_and_are_reported() -> None:
    queries = np.array([[1, 0], [0, 0]], dtype=np.float32)
    gallery = np.array([[1, 0], [0, 0], [-1, 0]], dtype=np.float32)
    ranking = count_ranks(queries, gallery, [[1], [2]])
    assert (ranking.n_zero_queries, ranking.n_zero_gallery) == (1, 1)
    assert ranking.score.tolist() == [0, 0]
    assert ranking.better.tolist() == [1, 0]
    assert ranking.tied.tolist() == [0, 2]


def test_tiny_vectors_are_not_zero_vectors() -> None:
    tiny = np.array([[3e-30, 4e-30], [4e-30, -3e-30]], dtype=np.float32)
    ranking = count_ranks(tiny, tiny, [[0], [1]])
    assert ranking.n_zero_gallery == 0
    assert ranking.score.tolist() == pytest.approx([1, 1])


def test_counting_leaves_its_arguments_as_they_were() -> None:
    rng = np.random.default_rng(0)
    queries, gallery, scores = (rng.standard_normal((6, 6)).astype(np.float32) for _ in range(3))
    before = [array.copy() for array in (queries, gallery, scores)]
    positives = [[i] for i in range(6)]
    count_ranks(queries, gallery, positives, exclude=[[(i + 1) % 6] for i in range(6)], top_k=2)
    count_from_scores(scores, positives, top_k=2)
    assert all(np.array_equal(a, b) for a, b in zip(before, (queries, gallery, scores), strict=True))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_vectors_that_are_not_finite_are_refused_by_row(bad: float) -> None:
    gallery = np.ones((20, 3))
    gallery[[4, 17], 1] = bad
    with pytest.raises(BackendError, match=re.escape("gallery rows not finite in float32: 4, 17")):
        count_ranks(np.ones((2, 3)), gallery, [[0], [1]])
    with pytest.raises(BackendError, match="score rows not finite in float32: 4, 17"):
        count_from_scores(gallery, [[0]] * 20)


def test_inner_products_that_overflow_are_refused() -> None:
    with pytest.raises(BackendError, match="inner products of the query rows"):
        count_ranks(np.full((1, 4), 1e20), np.full((2, 4), 1e20), [[0]], normalise=False)


@pytest.mark.parametrize(
    ("positives", "exclude", "message"),
    [
        ([[0], [1]], [[2], [1]], "1 positives are also excluded; .* 1: 1"),
        ([[0], [2, 1, 2]], None, "1 positives are listed twice; .* 1: 2"),
        ([[0], [5]], None, "positives outside the gallery of 5 at the queries 1"),
        ([[0], [-1]], None, "positives outside the gallery of 5 at the queries 1"),
        ([[0], [1]], [[], [9]], "exclude outside the gallery of 5 at the queries 1"),
        ([[0]], None, "positives has 1 lists for 2 queries"),
        ([[0.5], [1.0]], None, "positives must hold gallery indices"),
        ([[True], [False]], None, "positives must hold gallery indices"),
    ],
)
def test_lists_that_contradict_the_gallery_are_refused(
    positives: list[list[int]], exclude: list[list[int]] | None, message: str
) -> None:
    with pytest.raises(MetricError, match=message):
        count_ranks(np.ones((2, 3)), np.ones((5, 3)), positives, exclude=exclude)


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        (np.ones((2, 3)), np.ones((5, 4)), "differ in their number of dimensions"),
        (np.ones(3), np.ones((5, 3)), "query vectors must be"),
        (np.ones((2, 3)), np.ones((5, 3), dtype=np.int64), "gallery vectors must be"),
        (np.ones((2, 3)), np.ones((0, 3)), "gallery vectors must be"),
    ],
)
def test_vectors_of_the_wrong_shape_are_refused(queries: NDArray[Any], gallery: NDArray[Any], message: str) -> None:
    with pytest.raises(BackendError, match=message):
        count_ranks(queries, gallery, [[0]] * 2)
