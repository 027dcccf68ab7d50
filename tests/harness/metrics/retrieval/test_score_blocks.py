"""Blocks of scores that a second thread computes ahead."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.metrics.retrieval.rank_counting import count_ranks
from fashionbench.metrics.retrieval.score_blocks import ScoreBlocks


class Told:
    """Scores that say which query they are of, and note what was asked for."""

    def __init__(self):
        self.asked = []

    def fill(self, start, stop, out):
        self.asked.append(start)
        out[...] = np.arange(start, stop)[:, None]


@pytest.mark.parametrize(("threads", "ahead"), [("1", 0), ("2", 1)])
def test_each_block_holds_until_the_next_one_is_asked_for(monkeypatch, threads, ahead):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    scores, seen = Told(), []
    for top, block in ScoreBlocks(scores, 23, 5, 8).filled(7):
        np.subtract(block, 1, out=block)  # as what is no candidate is struck from it
        seen += [(top + row, set(values)) for row, values in enumerate(block.tolist())]
        assert block.shape == (min(5, 23 - top), 7)
    assert seen == [(query, {query - 1.0}) for query in range(23)]
    assert scores.asked == [0, 5, 10, 15, 20]
    assert len(ScoreBlocks(scores, 23, 5, 8)._buffers) == 1 + ahead


def test_what_a_product_raises_is_raised(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(AttributeError, match="fill"):
        list(ScoreBlocks(object(), 9, 2, 3).filled(3))


def test_ranks_are_the_same_with_one_thread_and_two(monkeypatch):
    rng = np.random.default_rng(5)
    queries, gallery = rng.standard_normal((50, 6)), rng.standard_normal((90, 6)).round(1)
    found = []
    for threads in ("1", "2"):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        found.append(count_ranks(queries, gallery, [[at] for at in range(50)], top_k=9, block_shape=(7, 11)))
    for name in ("better", "tied", "top_index", "top_score"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
