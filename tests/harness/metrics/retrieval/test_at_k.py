from __future__ import annotations

import math
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.retrieval.at_k import (
    TieRule,
    average_precision_at_k,
    first_rank,
    hit_at_k,
    ndcg_at_k,
    recall_at_k,
    reciprocal_rank,
)
from fashionbench.metrics.retrieval.rank_counting import count_from_scores, count_ranks
from fashionbench.predictions.rank_counts import RankCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    Measure = Callable[[list[bool]], float]

TIES: tuple[TieRule, ...] = ("expected", "pessimistic", "optimistic")


def hit(relevant: list[bool], k: int) -> float:
    return float(any(relevant[:k]))


def recall(relevant: list[bool], k: int) -> float:
    return sum(relevant[:k]) / sum(relevant)


def reciprocal(relevant: list[bool]) -> float:
    return 1 / (relevant.index(True) + 1)


def rank(relevant: list[bool]) -> float:
    return relevant.index(True) + 1


def precision(relevant: list[bool], k: int | None) -> float:
    top = len(relevant) if k is None else k
    found = [sum(relevant[: place + 1]) / (place + 1) for place, good in enumerate(relevant[:top]) if good]
    return sum(found) / min(sum(relevant), top)


def gain(relevant: list[bool], k: int) -> float:
    best = sum(1 / math.log2(place + 2) for place in range(min(k, sum(relevant))))
    return sum(1 / math.log2(place + 2) for place, good in enumerate(relevant[:k]) if good) / best


def orders(scores: list[int], relevant: list[bool], ties: TieRule) -> Iterable[list[bool]]:
    """Every order of the candidates that the tie rule allows, best first, as whether each is a positive."""
    groups = []
    for score in sorted(set(scores), reverse=True):
        members = [good for one, good in zip(scores, relevant, strict=True) if one == score]
        if ties == "expected":
            groups.append(list(permutations(members)))
        else:
            groups.append([tuple(sorted(members, reverse=ties == "optimistic"))])
    for chosen in product(*groups):
        yield [good for group in chosen for good in group]


def enumerated(scores: list[int], relevant: list[bool], ties: TieRule, measure: Measure) -> float:
    return float(np.mean([measure(order) for order in orders(scores, relevant, ties)]))


def counts_of(scores: list[int], relevant: list[bool]) -> RankCounts:
    """One query, counted from its scores."""
    positives = [i for i, good in enumerate(relevant) if good]
    return count_from_scores(np.array([scores], dtype=np.float32), [positives])


rankings = st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=6).filter(
    lambda items: any(good for _, good in items)
)


@settings(max_examples=150, deadline=None)
@given(items=rankings, k=st.integers(1, 7), ties=st.sampled_from(TIES))
def test_every_metric_is_the_mean_over_all_orders_of_the_tied(
    items: list[tuple[int, bool]], k: int, ties: TieRule
) -> None:
    scores, relevant = [score for score, _ in items], [good for _, good in items]
    counts = counts_of(scores, relevant)

    def agrees(values: NDArray[np.float64], measure: Measure) -> bool:
        return bool(np.isclose(values[0], enumerated(scores, relevant, ties, measure), rtol=1e-12, atol=1e-14))

    assert agrees(hit_at_k(counts, k, ties=ties), lambda order: hit(order, k))
    assert agrees(recall_at_k(counts, k, ties=ties), lambda order: recall(order, k))
    assert agrees(reciprocal_rank(counts, ties=ties), reciprocal)
    assert agrees(first_rank(counts, ties=ties), rank)
    assert agrees(average_precision_at_k(counts, k, ties=ties), lambda order: precision(order, k))
    assert agrees(average_precision_at_k(counts, None, ties=ties), lambda order: precision(order, None))
    assert agrees(ndcg_at_k(counts, k, ties=ties), lambda order: gain(order, k))


def test_ndcg_is_that_of_scikit_learn_where_nothing_ties() -> None:
    ndcg_score = pytest.importorskip("sklearn.metrics").ndcg_score

    rng = np.random.default_rng(5)
    scores = rng.permutation(4 * 30).reshape(4, 30).astype(np.float32)
    relevant = rng.random((4, 30)) < 0.2
    relevant[:, 0] = True
    counts = count_from_scores(scores, [np.flatnonzero(row).tolist() for row in relevant])
    for k in (1, 5, 10, 30, 99):
        peers = [ndcg_score([good], [row], k=k) for good, row in zip(relevant, scores, strict=True)]
        assert ndcg_at_k(counts, k).tolist() == pytest.approx(peers)


def test_hand_computed_values_without_ties() -> None:
    counts = RankCounts.from_lists([[1, 3]], [[0, 0]], [[0.9, 0.1]], [10])  # positives at the ranks 2 and 5
    assert hit_at_k(counts, 1).tolist() == [0]
    assert hit_at_k(counts, 2).tolist() == [1]
    assert recall_at_k(counts, 2).tolist() == [0.5]
    assert recall_at_k(counts, 5).tolist() == [1]
    assert reciprocal_rank(counts).tolist() == [0.5]
    assert first_rank(counts).tolist() == [2]
    assert average_precision_at_k(counts, None).tolist() == pytest.approx([(1 / 2 + 2 / 5) / 2])
    assert average_precision_at_k(counts, 4).tolist() == pytest.approx([(1 / 2) / 2])
    assert average_precision_at_k(counts, 1).tolist() == [0]


def test_hand_computed_values_with_ties() -> None:
    counts = RankCounts.from_lists([[2]], [[3]], [[0.4]], [10])  # somewhere in the ranks 3 to 6
    assert hit_at_k(counts, 4).tolist() == [0.5]
    assert reciprocal_rank(counts).tolist() == pytest.approx([(1 / 3 + 1 / 4 + 1 / 5 + 1 / 6) / 4])
    assert first_rank(counts).tolist() == [4.5]
    assert first_rank(counts, ties="pessimistic").tolist() == [6]
    assert first_rank(counts, ties="optimistic").tolist() == [3]


def test_two_positives_in_one_tie_group_are_drawn_without_replacement() -> None:
    counts = RankCounts.from_lists([[0, 0]], [[2, 2]], [[0.4, 0.4]], [4])
    assert hit_at_k(counts, 1).tolist() == pytest.approx([1 / 2])
    assert hit_at_k(counts, 2).tolist() == pytest.approx([1 - (2 / 4) * (1 / 3)])
    assert recall_at_k(counts, 2).tolist() == pytest.approx([1 / 2])
    assert first_rank(counts).tolist() == pytest.approx([5 / 3])


def test_positives_are_tied_within_the_tolerance_on_their_scores() -> None:
    lists: tuple[Any, ...] = ([[0, 0]], [[2, 2]], [[0.4, 0.4000005]], [4])
    assert first_rank(RankCounts.from_lists(*lists)).tolist() == pytest.approx([5 / 3])
    assert first_rank(RankCounts.from_lists(*lists, tie_tolerance=1e-8)).tolist() == [2]


@pytest.mark.parametrize("n_candidates", [3, 100, 30_000])
@pytest.mark.parametrize("n_positives", [1, 3])
def test_a_constant_scorer_gets_chance(n_candidates: int, n_positives: int) -> None:
    negatives = n_candidates - n_positives
    counts = RankCounts.from_lists(
        [[0] * n_positives], [[negatives] * n_positives], [[0.5] * n_positives], [n_candidates]
    )
    places = np.arange(1, n_candidates + 1)
    k = min(10, n_candidates)
    assert recall_at_k(counts, k)[0] == pytest.approx(k / n_candidates, rel=1e-12)
    assert first_rank(counts)[0] == pytest.approx((n_candidates + 1) / (n_positives + 1), rel=1e-12)
    if n_positives == 1:
        assert hit_at_k(counts, k)[0] == pytest.approx(k / n_candidates, rel=1e-12)
        assert reciprocal_rank(counts)[0] == pytest.approx((1 / places).mean(), rel=1e-12)
        assert average_precision_at_k(counts, None)[0] == pytest.approx((1 / places).mean(), rel=1e-12)


def test_chance_of_several_positives_agrees_with_sampled_orders() -> None:
    rng = np.random.default_rng(0)
    relevant = np.arange(40) < 4
    shuffled = [rng.permutation(relevant).tolist() for _ in range(20_000)]
    counts = counts_of([0] * 40, relevant.tolist())
    for values, measure in (
        (hit_at_k(counts, 5), lambda order: hit(order, 5)),
        (reciprocal_rank(counts), reciprocal),
        (average_precision_at_k(counts, 10), lambda order: precision(order, 10)),
    ):
        sampled = np.array([measure(order) for order in shuffled])
        assert abs(values[0] - sampled.mean()) < 4 * sampled.std() / np.sqrt(sampled.size)


def test_long_lists_keep_their_precision() -> None:
    counts = RankCounts.from_lists([[999_998, 999_998]], [[5, 5]], [[0.5, 0.5]], [2_000_000])
    terms = [[1 / a, 2 / b] for a in range(999_999, 1_000_006) for b in range(a + 1, 1_000_006)]
    assert average_precision_at_k(counts, None)[0] == pytest.approx(np.mean(np.sum(terms, axis=1)) / 2, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), k=st.integers(1, 12))
def test_expected_lies_between_pessimistic_and_optimistic(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 3, size=(6, 14)).astype(np.float32)
    counts = count_from_scores(scores, [rng.choice(14, size=rng.integers(1, 5), replace=False) for _ in range(6)])
    for metric in (hit_at_k, recall_at_k, average_precision_at_k):
        low, middle, high = (metric(counts, k, ties=ties) for ties in ("pessimistic", "expected", "optimistic"))
        assert (low <= middle + 1e-12).all()
        assert (middle <= high + 1e-12).all()
        assert ((low >= 0) & (high <= 1 + 1e-12)).all()


def test_agrees_with_torchmetrics_where_nothing_is_tied() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional dependency")
    retrieval = pytest.importorskip("torchmetrics.retrieval", reason="torchmetrics is an optional dependency")
    rng = np.random.default_rng(4)
    queries, gallery = (
        rng.standard_normal((40, 16)).astype(np.float32),
        rng.standard_normal((60, 16)).astype(np.float32),
    )
    positives = [rng.choice(60, size=size, replace=False) for size in rng.integers(1, 6, size=40)]
    ranking = count_ranks(queries, gallery, positives)
    assert ranking.tied.max() == 0
    unit = [vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (queries, gallery)]
    # torchmetrics takes a positive with a score of 0 or less for a negative, so cosines are lifted above 0.
    lifted = 1 + unit[0].astype(np.float64) @ unit[1].T.astype(np.float64)
    target = np.zeros((40, 60), dtype=bool)
    target[np.repeat(np.arange(40), [len(own) for own in positives]), np.concatenate(positives)] = True
    flat = (
        torch.from_numpy(lifted.ravel()),
        torch.from_numpy(target.ravel()),
        torch.arange(40).repeat_interleave(60),
    )
    for ours, theirs in (
        (hit_at_k(ranking, 5), retrieval.RetrievalHitRate(top_k=5)),
        (recall_at_k(ranking, 5), retrieval.RetrievalRecall(top_k=5)),
        (reciprocal_rank(ranking), retrieval.RetrievalMRR()),
        (average_precision_at_k(ranking, None), retrieval.RetrievalMAP()),
    ):
        assert ours.mean() == pytest.approx(float(theirs(flat[0], flat[1], indexes=flat[2])), abs=1e-6)


@pytest.mark.parametrize("metric", [hit_at_k, recall_at_k, reciprocal_rank, first_rank, average_precision_at_k])
def test_a_query_without_positives_is_refused_or_a_miss(metric: Callable[..., NDArray[np.float64]]) -> None:
    counts = RankCounts.from_lists([[0], [], [4]], [[0], [], [0]], [[0.9], [], [0.2]], [10, 7, 10])
    arguments = () if metric in {reciprocal_rank, first_rank} else (1,)
    with pytest.raises(MetricError, match="for the queries 1 "):
        metric(counts, *arguments)
    values = metric(counts, *arguments, missing="miss")
    assert values[0] == 1
    assert values[1] == (8 if metric is first_rank else 0)


def test_all_queries_missing_is_all_misses() -> None:
    counts = RankCounts.from_lists([[], []], [[], []], [[], []], [5, 5])
    assert hit_at_k(counts, 1, missing="miss").tolist() == [0, 0]
    assert first_rank(counts, missing="miss").tolist() == [6, 6]


def test_counts_come_back_from_stored_lists() -> None:
    rng = np.random.default_rng(0)
    ranking = count_from_scores(rng.integers(0, 4, (7, 9)).astype(np.float32), [list(range(i)) for i in range(7)])
    spans = list(zip(ranking.offsets[:-1], ranking.offsets[1:], strict=True))
    columns: list[Any] = [[getattr(ranking, n)[a:b].tolist() for a, b in spans] for n in ("better", "tied", "score")]
    again = RankCounts.from_lists(columns[0], columns[1], columns[2], ranking.n_candidates.tolist(), tie_tolerance=0.0)
    for name in ("offsets", "better", "tied", "score", "n_candidates"):
        assert np.array_equal(getattr(again, name), getattr(ranking, name))
        assert getattr(again, name).dtype == getattr(ranking, name).dtype
    assert again.n_positives.tolist() == list(range(7))


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (([[0]], [[0, 0]], [[0.5]], [5]), "better and tied differ in their number of positives at the queries 0"),
        (([[0]], [[0], [0]], [[0.5]], [5]), "column tied has 2 queries, the column better 1"),
        (([[0]], [[0]], [[0.5]], [5, 5]), "do not describe one list of positives a query"),
        (([[-1]], [[0]], [[0.5]], [5]), "impossible rank counts at the queries 0"),
        (([[0], [3]], [[0], [2]], [[0.5], [0.5]], [5, 5]), "impossible rank counts at the queries 1"),
        (([[0]], [[0]], [[float("nan")]], [5]), "impossible rank counts at the queries 0"),
    ],
)
def test_lists_that_contradict_each_other_are_refused(lists: Any, message: str) -> None:
    with pytest.raises(MetricError, match=message):
        RankCounts.from_lists(*lists)


def test_unknown_rules_and_cut_offs_are_refused() -> None:
    counts = RankCounts.from_lists([[0]], [[0]], [[0.5]], [5])
    wrong: Any = "luck"
    with pytest.raises(MetricError, match="unknown tie rule 'luck'"):
        hit_at_k(counts, 1, ties=wrong)
    with pytest.raises(MetricError, match="unknown treatment 'luck'"):
        hit_at_k(counts, 1, missing=wrong)
    with pytest.raises(MetricError, match="at least 1"):
        recall_at_k(counts, 0)
