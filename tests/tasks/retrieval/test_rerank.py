"""Re-ranking keeps the tie rule: what is tied across the cut is re-ranked with its probability."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import pytest
import toy_plugin

import fashionbench
from fashionbench.data.items import TextItem
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.retrieval import at_k, metrics
from fashionbench.predictions.ranking import counts_of, ranking_table
from fashionbench_tasks.retrieval.fold import Fold
from fashionbench_tasks.retrieval.ranking import Lists, rank_gallery, rerank


class Scores:
    """Answers pairs from a table by candidate, and counts them."""

    def __init__(self, of=None):
        self.of, self.asked = of or {}, 0

    def score(self, pairs):
        self.asked += len(pairs)
        return np.array([self.of.get(pair.id.partition(">")[2], 0.0) for pair in pairs], dtype=np.float32)


def lists_of(queries, gallery, positives):
    items, candidates = [TextItem(q, "x") for q in queries], [TextItem(g, "y") for g in gallery]
    fold = Fold(name="all", queries=items, gallery=candidates, positives=dict(zip(queries, positives, strict=True)))
    return Lists(fold, items, positives)


def reranked(first, second, positives, depth):
    """Re-rank one query whose candidates have these scores in the first and the second stage."""
    names = list(first)
    vectors = np.array([[np.cos(a), np.sin(a)] for a in (1 - np.array([first[n] for n in names]))])
    lists = lists_of(["q"], names, [positives])
    ranking = rank_gallery(np.array([[1.0, 0.0]]), vectors, lists, 1e-6)
    return rerank(ranking, lists, Scores(second), depth), lists


def every_order(scores):
    """Every order of items that their scores allow, each as likely as the others."""
    return [order for order in permutations(scores) if all(scores[a] >= scores[b] for a, b in pairwise(order))]


def by_hand(first, second, positives, depth, measure):
    """Average a measure over every order of ties in the first stage and of ties in the second."""
    found = []
    for order in every_order(first):
        top, rest = order[:depth], order[depth:]
        whole = [(*again, *rest) for again in every_order({name: second[name] for name in top})]
        found.append(np.mean([measure([name in positives for name in one]) for one in whole]))
    return np.mean(found)


def test_constant_scores_are_at_chance_at_every_cut_off():
    count = 120
    names = [f"g{i:03d}" for i in range(count)]
    lists = lists_of([f"q{i}" for i in range(count)], names, [[name] for name in names])
    one = np.ones((count, 4), dtype=np.float32)
    answers = Scores()
    ranking = rerank(rank_gallery(one, one, lists, 1e-6), lists, answers, 50)
    for k in (1, 10, 50, 51, 100):
        assert at_k.hit_at_k(ranking, k) == pytest.approx(np.full(count, k / count))
        assert at_k.recall_at_k(ranking, k) == pytest.approx(np.full(count, k / count))
    assert at_k.reciprocal_rank(ranking) == pytest.approx(np.full(count, (1 / np.arange(1, count + 1)).mean()))
    assert at_k.first_rank(ranking) == pytest.approx(np.full(count, (count + 1) / 2))
    assert answers.asked == count * 50 + (count - 50)


CASES = [
    # One above the cut, three tied across it.
    ({"a": 0.9, "p": 0.5, "b": 0.5, "c": 0.5, "d": 0.1}, {"a": 3.0, "p": 2.0, "b": 1.0, "c": 1.0, "d": 9.0}, 2),
    ({"a": 0.9, "p": 0.5, "b": 0.5, "c": 0.5, "d": 0.1}, {"a": 1.0, "p": 2.0, "b": 2.0, "c": 2.0, "d": 2.0}, 3),
    # The tie is of others, and the positive above or below it.
    ({"p": 0.9, "a": 0.5, "b": 0.5, "c": 0.5}, {"p": 1.0, "a": 1.0, "b": 1.0, "c": 1.0}, 2),
    ({"a": 0.5, "b": 0.5, "c": 0.5, "p": 0.1}, {"p": 9.0, "a": 1.0, "b": 1.0, "c": 1.0}, 2),
    # The cut is at the edge of the tie, and beyond the last candidate.
    ({"a": 0.9, "p": 0.5, "b": 0.5, "c": 0.2}, {"a": 1.0, "p": 2.0, "b": 1.0, "c": 0.0}, 3),
    ({"a": 0.5, "p": 0.5, "b": 0.5}, {"a": 1.0, "p": 1.0, "b": 2.0}, 5),
]


@pytest.mark.parametrize(("first", "second", "depth"), CASES)
def test_it_is_the_mean_over_every_order_of_ties(first, second, depth):
    for k in range(1, len(first) + 1):
        found = []
        for names in permutations(first):  # whatever the order of the gallery
            ranking, _ = reranked({name: first[name] for name in names}, second, ["p"], depth)
            found.append([at_k.hit_at_k(ranking, k)[0], at_k.reciprocal_rank(ranking)[0], at_k.first_rank(ranking)[0]])
        measures = (
            lambda good, k=k: float(any(good[:k])),
            lambda good: 1 / (good.index(True) + 1),
            lambda good: good.index(True) + 1,
        )
        assert np.mean(found, axis=0) == pytest.approx([by_hand(first, second, {"p"}, depth, m) for m in measures])
        if len(set(second.values())) <= 2:
            assert np.ptp(found, axis=0) == pytest.approx(np.zeros(3), abs=1e-12)


def test_the_other_tie_rules_take_the_worse_and_the_better_side_of_the_cut():
    first, second = {"a": 0.9, "p": 0.5, "b": 0.5, "c": 0.5}, {"a": 0.0, "p": 2.0, "b": 1.0, "c": 1.0}
    ranking, _ = reranked(first, second, ["p"], 2)
    assert at_k.hit_at_k(ranking, 1) == pytest.approx([1 / 3])
    assert at_k.hit_at_k(ranking, 1, ties="optimistic") == [1]
    assert at_k.hit_at_k(ranking, 2, ties="pessimistic") == [0]
    assert at_k.first_rank(ranking, ties="pessimistic") == [4]


def test_a_positive_of_several_that_is_tied_behind_the_cut_is_behind_it():
    first = {"a": 0.5, "b": 0.5, "p": 0.5, "r": 0.5, "c": 0.1}
    ranking, _ = reranked(first, dict.fromkeys(first, 1.0), ["p", "r"], 2)
    assert at_k.hit_at_k(ranking, 2) == [0]
    assert at_k.first_rank(ranking) == [3]


def test_both_counts_are_stored_and_read_back():
    first, second = {"a": 0.9, "b": 0.5, "c": 0.5, "p": 0.5}, {"a": 0.0, "p": 2.0, "b": 1.0, "c": 1.0}
    ranking, lists = reranked(first, second, ["p"], 2)
    table = ranking_table(ranking, lists.labels)
    counts = counts_of(table, 1e-6)
    assert counts.inside.tolist() == pytest.approx([1 / 3])
    for k in (1, 2, 3, 4):
        assert at_k.hit_at_k(counts, k) == at_k.hit_at_k(ranking, k)
    card = {"tie_rule": "expected", "tie_tolerance": "0.000001"}
    assert metrics.hit(table, MetricArguments((1,), card)).values == pytest.approx([1 / 3])


def test_rows_of_a_fold_without_such_a_tie_keep_their_counts():
    import pyarrow as pa

    tied = {"a": 0.9, "b": 0.5, "c": 0.5, "p": 0.5}
    clear = {"a": 0.9, "p": 0.7, "b": 0.5, "c": 0.1}
    tables = [
        ranking_table(r, lists.labels)
        for r, lists in (reranked(first, {"p": 1.0}, ["p"], 2) for first in (tied, clear))
    ]
    assert tables[1].num_columns < tables[0].num_columns
    counts = counts_of(pa.concat_tables(tables, promote_options="default"), 1e-6)
    assert at_k.hit_at_k(counts, 1) == pytest.approx([1 / 3, 1.0])


def test_the_option_of_a_backend_re_ranks_its_best_and_names_the_row(plugins, store):
    toy_plugin.Matcher.asked.clear()
    found = {}
    for depth in (0, 4, 8, 51):
        config = {"tasks": ["toy/squares"], "backends": [{"id": "toy/matcher", "options": {"rerank": depth}}]}
        found[depth] = fashionbench.run(config, store=store, plugins=plugins)[0]
    # One of eight that are all tied is first, or is among the four that are looked at, with its probability.
    assert [found[depth].metric("hit@1").value for depth in (0, 4, 8)] == pytest.approx([1 / 8, 1 / 2, 1.0])
    # Of a query whose own candidate is tied across the cut, that pair is scored too; a few are asked again in another
    # batch.
    assert 8 * 4 + 8 * 8 <= sum(toy_plugin.Matcher.asked) < 2 * (8 * 4 + 8 * 8)
    assert "rerank is 51" in found[51].error.message and "0 to 50" in found[51].error.remedy
    assert len({record.cell for record in found.values()}) == 4
    rows = {row.label for row in fashionbench.make_board("toy", store=store, plugins=plugins).tables[0].rows}
    assert {"toy/matcher (rerank=4)", "toy/matcher (rerank=8)"} <= rows
