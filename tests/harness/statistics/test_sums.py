from __future__ import annotations

import numpy as np
import pytest

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.sums import resampled_interval


def ratio(sums):
    return sums[..., 0] / sums[..., 1]


def test_the_interval_of_a_ratio_of_sums_has_the_width_of_the_delta_method():
    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.normal(5, 2, 4000), rng.normal(10, 1, 4000)])
    found = resampled_interval(rows, ratio, clusters=[str(i) for i in range(4000)], seed=3)
    assert isinstance(found, Interval)
    value = ratio(rows.sum(axis=0))
    error = np.std(rows[:, 0] - value * rows[:, 1]) / rows[:, 1].mean() / np.sqrt(4000)
    assert found.low < value < found.high
    assert (found.high - found.low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.12)
    assert found.method == "bootstrap-percentile/B=1000/cluster"


def test_items_of_one_cluster_are_drawn_together():
    rng = np.random.default_rng(2)
    rows = np.column_stack([np.repeat(rng.normal(5, 2, 300), 5), np.full(1500, 10.0)])
    alone = resampled_interval(rows, ratio, clusters=[str(i) for i in range(1500)], seed=3)
    together = resampled_interval(rows, ratio, clusters=[str(i // 5) for i in range(1500)], seed=3)
    assert isinstance(alone, Interval)
    assert isinstance(together, Interval)
    assert (together.high - together.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(5), abs=0.3)


def test_the_seed_decides_and_the_number_of_draws_held_at_a_time_does_not(monkeypatch):
    rows = np.column_stack([np.arange(40.0), np.ones(40)])
    clusters = [str(i) for i in range(40)]
    found = resampled_interval(rows, ratio, clusters=clusters, seed=1)
    assert resampled_interval(rows, ratio, clusters=clusters, seed=1) == found
    assert resampled_interval(rows, ratio, clusters=clusters, seed=2) != found
    monkeypatch.setattr("fashionbench.statistics.sums._CELLS", 130)
    assert resampled_interval(rows, ratio, clusters=clusters, seed=1) == found


def test_without_spread_there_is_no_interval():
    rows = np.ones((6, 2))
    for clusters, words in ((["a"] * 6, "only one cluster"), (list("abcdef"), "all resamples of the 6 clusters")):
        found = resampled_interval(rows, ratio, clusters=clusters, seed=0)
        assert isinstance(found, NoInterval)
        assert words in found.method
        assert found.bounds is None


def test_a_score_that_is_not_finite_is_refused():
    with np.errstate(invalid="ignore"), pytest.raises(MetricError, match="no finite score"):
        resampled_interval(np.zeros((4, 2)), ratio, clusters=list("abcd"), seed=0)
