from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.median import median_interval


def interval(values, clusters=None, strata=None):
    average = "items" if strata is None else "strata"
    return median_interval(np.array(values, float), clusters=clusters, strata=strata, average=average)


def test_ends_are_the_order_statistics_at_the_wilson_limits_of_one_half():
    rng = np.random.default_rng(0)
    values = rng.permutation(np.arange(1.0, 101.0))
    low, high = stats.binomtest(50, 100).proportion_ci(method="wilson")
    assert interval(values).bounds == (np.floor(100 * low) + 1, np.ceil(100 * high))


def test_copies_of_an_answer_make_no_narrower_interval():
    values = np.arange(1.0, 61.0)
    alone = interval(values)
    copied = interval(np.repeat(values, 5), [str(i) for i in range(60) for _ in range(5)])
    assert copied.low <= alone.low
    assert copied.high >= alone.high


def test_equal_ranks_are_taken_as_spread_evenly_over_their_step():
    ranks = np.repeat(np.arange(1.0, 202.0), 10)
    spread = ranks + np.tile((np.arange(10) - 4.5) / 10, 201)
    assert interval(ranks).bounds == pytest.approx(interval(spread).bounds, abs=0.01)


def test_limits_of_ranks_are_those_of_the_share_and_no_whole_ranks():
    low, high = stats.binomtest(1005, 2010).proportion_ci(method="wilson")
    assert interval(np.repeat(np.arange(1.0, 202.0), 10)).bounds == pytest.approx(
        (low * 201 + 0.5, high * 201 + 0.5), abs=0.15
    )


@pytest.mark.parametrize(("ranks", "given"), [(12, False), (20, False), (100, False), (140, True), (300, True)])
def test_where_the_limits_are_fewer_than_five_ranks_apart_there_is_none(ranks, given):
    # Of 2,100 items 90 lie between the limits.
    found = interval(np.repeat(np.arange(1.0, ranks + 1), 2100 // ranks))
    assert isinstance(found, Interval) == given
    assert given or "the values are too coarse" in found.reason


def test_a_few_equal_ranks_among_few_are_no_coarse_steps():
    ranks = np.random.default_rng(0).integers(1, 48, 47).astype(float)
    assert len(set(ranks)) < 40
    low, high = interval(ranks).bounds
    assert low < np.median(ranks) < high


def test_a_median_that_most_items_share_has_no_interval_of_width_zero():
    found = interval([1.0] * 70 + [5.0] * 30)
    assert found == NoInterval("the median and both its limits are one value, 1")


@pytest.mark.parametrize("count", [1, 3, 5])
def test_too_few_items_have_none(count):
    assert "too few items" in interval(np.arange(count)).method


def test_one_cluster_of_many_items_has_none():
    assert "too few items" in interval(np.arange(50), ["a"] * 50).method


def test_strata_average_their_medians():
    values = np.r_[np.arange(1.0, 101.0), np.arange(1001.0, 1101.0)]
    found = interval(values, strata=["a"] * 100 + ["b"] * 100)
    one = interval(values[:100])
    assert isinstance(found, Interval)
    assert found.low == pytest.approx(550.5 - (50.5 - one.low) / np.sqrt(2))
