from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fashionbench.statistics.proportion import (
    Share,
    correlations,
    mean_share,
    over_strata,
    share_interval,
    share_of,
    wilson,
)


def interval(values, clusters=None, strata=None):
    average = "items" if strata is None else "strata"
    return share_interval(np.array(values, float), clusters=clusters, strata=strata, average=average)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_independent_items_agree_with_scipy(case):
    hits, count = case
    theirs = stats.binomtest(hits, count).proportion_ci(method="wilson")
    found = interval([1.0] * hits + [0.0] * (count - hits))
    assert found.bounds == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= found.low <= hits / count <= found.high <= 1


@pytest.mark.parametrize(("share", "end"), [(0.0, 0), (1.0, 1)])
def test_an_end_that_is_0_or_1_is_so_exactly(share, end):
    for size in (1, 7, 8, 47, 1000):
        assert wilson(share, size)[end] == share


def test_copies_count_once():
    # 40 answers five times each: the design effect is 5, but for the clusters' degrees of freedom.
    answers = np.array([1.0] * 10 + [0.0] * 30)
    clusters = [str(i) for i in range(40) for _ in range(5)]
    share = share_of(np.repeat(answers, 5), np.repeat(np.arange(40), 5))
    narrow = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 39)
    assert share.size == pytest.approx(200 / (5 * 40 / 39) * narrow**2)
    assert interval(np.repeat(answers, 5), clusters).low < interval(answers).low + 0.01


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_items_are_equal_clusters_count_as_copies(value):
    # Kish: 3 + 3 + 2 items in clusters have the size (sum m)^2 / sum m^2 at least.
    found = interval([value] * 8, list("aaabbbcc"))
    assert found.bounds == pytest.approx(wilson(value, 64 / 22))
    assert found.low < found.high


def test_independent_clusters_of_several_items_have_no_larger_effect_than_they_show():
    rng = np.random.default_rng(0)
    values = (rng.random(3000) < 0.4).astype(float)
    share = share_of(values, np.repeat(np.arange(1000), 3))
    assert 2500 < share.size <= 3000


def test_equal_strata_of_equal_size_are_one_sample():
    values, strata = [1.0] * 20 + [0.0] * 80, ["a"] * 100
    two = interval(values * 2, strata=strata + ["b"] * 100)
    assert two.bounds == pytest.approx(wilson(0.2, 200))


@pytest.mark.parametrize(("share", "size"), [(0.95, 10), (0.97, 100), (0.01, 100), (0.5, 10)])
def test_the_mean_of_three_strata_covers_on_both_sides(share, size):
    rng = np.random.default_rng(5)
    strata = [name for name in "abc" for _ in range(size)]
    below = above = 0
    for _ in range(1000):
        found = interval((rng.random(3 * size) < share).astype(float), strata=strata)
        below, above = below + (found.high < share), above + (found.low > share)
    assert 0.925 <= 1 - (below + above) / 1000 <= 0.98
    assert max(below, above) < 70


def test_strata_that_share_all_clusters_are_as_uncertain_as_one():
    values = [1.0] * 30 + [0.0] * 70
    ids = [str(i) for i in range(100)]
    one = interval(values)
    both = interval(values * 2, ids * 2, ["a"] * 100 + ["b"] * 100)
    assert both.bounds == pytest.approx(one.bounds)


def test_strata_that_make_up_for_each_other_have_no_interval():
    # Whatever the first misses the second hits, so that their mean is one half in every cluster.
    values, ids = [1.0, 0.0] * 30, [str(i) for i in range(60)]
    found = interval([*values, *(1 - value for value in values)], ids * 2, ["a"] * 60 + ["b"] * 60)
    assert found.bounds is None
    assert "make up for each other" in found.method


@pytest.mark.parametrize("slope", [0.5, -0.3])
def test_the_mean_covers_where_strata_share_clusters(slope):
    rng = np.random.default_rng(8)
    ids, strata, missed = [str(i) for i in range(60)] * 2, ["a"] * 60 + ["b"] * 60, 0
    for _ in range(1000):
        easy = rng.random(60)
        both = [rng.random(60) < 0.5 + (easy - 0.5), rng.random(60) < 0.5 + 2 * slope * (easy - 0.5)]
        found = interval(np.concatenate(both).astype(float), ids, strata)
        missed += not found.low <= 0.5 <= found.high
    assert 0.925 <= 1 - missed / 1000 <= 0.975


@pytest.mark.parametrize(("share", "small"), [(0.5, 6), (0.3, 6), (0.8, 10), (0.3, 30)])
def test_a_small_stratum_beside_large_ones_is_covered(share, small):
    rng = np.random.default_rng(9)
    sizes = (small, 20 * small, 20 * small)
    strata = [name for name, size in zip("abc", sizes, strict=True) for _ in range(size)]
    missed = 0
    for _ in range(1000):
        found = interval((rng.random(sum(sizes)) < share).astype(float), strata=strata)
        missed += not found.low <= share <= found.high
    assert 0.925 <= 1 - missed / 1000 <= 0.978


def test_beside_strata_without_doubt_the_mean_has_the_doubt_of_one():
    shares = [Share(0.2, 10.0, np.zeros(1)), Share(0.5, 1e12, np.zeros(1)), Share(0.6, 1e12, np.zeros(1))]
    low, high = wilson(0.2, 10)
    wanted = (low + 1.1) / 3, (high + 1.1) / 3
    assert mean_share(shares, np.eye(3)) == pytest.approx(wanted, abs=1e-5)


def test_a_handful_of_items_in_a_stratum_gives_no_interval():
    found = interval([1.0, 0.0, 1.0, 1.0] + [0.0, 1.0] * 50, strata=["a"] * 4 + ["b"] * 100)
    assert found.bounds is None
    assert found.method == "none: a slice of 4 effective items has fewer than 5"


def test_a_stratum_without_hits_widens_the_interval_of_the_mean():
    # Of 0 in 8 the share may be 32 %; a bootstrap of it never leaves 0.
    values = np.r_[np.tile([1.0] + [0.0] * 9, 100), np.tile([1.0] + [0.0] * 9, 10), np.zeros(8)]
    found = interval(values, strata=["a"] * 1000 + ["b"] * 100 + ["c"] * 8)
    assert found.low < 0.2 / 3
    # A third of what the share of 8 may be, and some for the others.
    assert found.high > (0.2 + 0.8 * wilson(0.0, 8)[1]) / 3


def test_correlations_are_those_of_what_clusters_add():
    one, two = np.array([1.0, -1.0, 2.0, -2.0]), np.array([-1.0, 1.0, -2.0, 2.0])
    units = np.arange(4)
    assert correlations([one, two], [units, units])[0, 1] == pytest.approx(-1)
    assert correlations([one, np.zeros(4)], [units, units])[0, 1] == 1
    assert correlations([one, np.zeros(4)], [units, units + 4])[0, 1] == 0
    assert over_strata([0.5, 0.5], [(0.4, 0.6)] * 2, np.array([[1.0, -1.0], [-1.0, 1.0]])) == pytest.approx((0.5, 0.5))
