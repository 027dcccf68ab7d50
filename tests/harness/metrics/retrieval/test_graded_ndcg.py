"""nDCG with graded relevance against scikit-learn, a value worked out by hand, and every order of what ties."""

from __future__ import annotations

import math
from itertools import permutations, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.retrieval.at_k import ndcg_at_k
from fashionbench.metrics.retrieval.rank_counting import count_from_scores
from fashionbench.predictions.rank_counts import RankCounts
from fashionbench.predictions.ranking import counts_of, with_grades

GRADES = st.sampled_from([0.0, 1.0, 2.0, 3.0, 0.5])


def graded(scores, grades):
    """Counts of queries from matrices of scores and grades."""
    positives = [np.flatnonzero(row > 0).tolist() for row in grades]
    counts = count_from_scores(np.asarray(scores, dtype=np.float32), positives)
    flat = np.concatenate([row[row > 0] for row in grades])
    return RankCounts(counts.offsets, counts.better, counts.tied, counts.score, counts.n_candidates, grade=flat)


def gain(order, k):
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(order[:k]))


@settings(max_examples=200, deadline=None)
@given(
    items=st.lists(st.tuples(st.integers(0, 2), GRADES), min_size=1, max_size=6).filter(lambda i: any(g for _, g in i)),
    k=st.integers(1, 7),
    ties=st.sampled_from(["expected", "pessimistic", "optimistic"]),
)
def test_it_is_the_mean_over_all_orders_of_the_tied_or_their_worst_or_best(items, k, ties):
    tied = [[g for s, g in items if s == score] for score in sorted({s for s, _ in items}, reverse=True)]
    orders = [[g for part in chosen for g in part] for chosen in product(*(list(permutations(t)) for t in tied))]
    values = [gain(order, k) for order in orders]
    wanted = {"expected": np.mean, "pessimistic": min, "optimistic": max}[ties](values)
    best = gain(sorted((g for _, g in items), reverse=True), k)
    counts = graded([[s for s, _ in items]], np.array([[g for _, g in items]]))
    assert ndcg_at_k(counts, k, ties=ties)[0] == pytest.approx(wanted / best, rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("levels", [1000, 4])
def test_it_is_that_of_scikit_learn_with_ties_and_without(levels):
    ndcg_score = pytest.importorskip("sklearn.metrics").ndcg_score

    rng = np.random.default_rng(3)
    scores = rng.integers(0, levels, (6, 40)) if levels < 1000 else rng.permutation(240).reshape(6, 40)
    grades = rng.choice([0, 0, 0, 1, 2, 3], (6, 40)).astype(float)
    counts = graded(scores, grades)
    for k in (1, 5, 10, 40, 99):
        peers = [ndcg_score([g], [s], k=k) for g, s in zip(grades, scores, strict=True)]
        assert ndcg_at_k(counts, k).tolist() == pytest.approx(peers)


def test_a_value_worked_out_by_hand():
    # Ranked 2, 0, 3: the gain is 2 / log2(2) + 3 / log2(4) = 3.5; at best 3 / log2(2) + 2 / log2(3).
    counts = graded([[0.9, 0.5, 0.1]], np.array([[2.0, 0.0, 3.0]]))
    assert ndcg_at_k(counts, 3).tolist() == pytest.approx([3.5 / (3 + 2 / math.log2(3))])
    assert ndcg_at_k(counts, 1).tolist() == pytest.approx([2 / 3])
    # Grades of one height say no more than none.
    even = graded([[0.9, 0.5, 0.1]], np.array([[7.0, 0.0, 7.0]]))
    assert ndcg_at_k(even, 2).tolist() == pytest.approx([1 / (1 + 1 / math.log2(3))])


def test_a_perfect_ranking_is_one_and_no_more():
    rng = np.random.default_rng(0)
    grades = np.sort(rng.random((50, 30)) + 0.01)[:, ::-1]
    values = ndcg_at_k(graded(np.arange(30, 0, -1)[None].repeat(50, axis=0), grades), 30)
    assert values.max() <= 1 and values.min() > 1 - 1e-12


def test_grades_are_read_from_their_column_and_checked():
    table = pa.table(
        {"better": [[0, 1], []], "tied": [[0, 0], []], "score": [[0.9, 0.1], []], "n_candidates": [3, 3]},
    )
    assert counts_of(table, 1e-6).grade is None
    assert counts_of(with_grades(table, [[1.0, 3.0], []]), 1e-6).grade.tolist() == [1, 3]
    with pytest.raises(MetricError, match="one grade a positive"):
        counts_of(with_grades(table, [[1.0], [3.0]]), 1e-6)
    with pytest.raises(MetricError, match="not above 0"):
        counts_of(with_grades(table, [[1.0, 0.0], []]), 1e-6)
