from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.seeds import seed_difference_interval, seed_interval


def bounds(interval: Interval | NoInterval) -> tuple[float, float]:
    assert isinstance(interval, Interval), interval
    return interval.low, interval.high


def test_items_that_all_agree_leave_students_interval_of_the_seeds() -> None:
    seeds = np.array([0.50, 0.53, 0.58, 0.51])
    expected = stats.t.interval(0.95, 3, seeds.mean(), stats.sem(seeds))
    np.testing.assert_allclose(bounds(seed_interval(np.repeat(seeds[:, None], 50, axis=1), clusters=None)), expected)


def test_seeds_that_all_agree_leave_students_interval_of_the_clusters() -> None:
    items = np.random.default_rng(0).random(40)
    expected = stats.t.interval(0.95, 39, items.mean(), stats.sem(items))
    np.testing.assert_allclose(bounds(seed_interval(np.repeat(items[None], 3, axis=0), clusters=None)), expected)
    # Each item twice, in one cluster, is the same knowledge.
    twice, pairs = np.repeat(items, 2), [str(at // 2) for at in range(80)]
    np.testing.assert_allclose(bounds(seed_interval(np.repeat(twice[None], 3, axis=0), clusters=pairs)), expected)


def test_a_layout_by_hand() -> None:
    # Two seeds, three items. Means of seeds 2 and 3; of items 1.5, 2.5, 3.5; what is left -1/2, 1/2, 0 and its opposite.
    values = np.array([[0.5, 2.5, 3.0], [2.5, 2.5, 4.0]])
    seeds = 0.5 / 2
    clusters = 1.0 / 3
    interaction = (4 * 0.25) / (1 * 2) / 2 / 3
    half = np.sqrt(stats.t.ppf(0.975, 1) ** 2 * seeds + stats.t.ppf(0.975, 2) ** 2 * (clusters - interaction))
    np.testing.assert_allclose(bounds(seed_interval(values, clusters=None)), (2.5 - half, 2.5 + half))


def test_a_difference_on_the_same_items_forgets_how_hard_they_are() -> None:
    rng = np.random.default_rng(1)
    hard = rng.normal(0, 1, 200)
    first, second = (hard + rng.normal(0, 0.05, (3, 200)) + shift for shift in (0.3, 0.0))
    low, high = bounds(seed_difference_interval(first, second, clusters=None))
    assert 0.25 < low < 0.3 < high < 0.35
    wide = np.diff(bounds(seed_interval(first, clusters=None)))[0]
    assert high - low < wide / 4


def test_a_system_of_one_seed_is_compared_by_its_items_alone() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.random((1, 60)), rng.random((1, 60))
    interval = seed_difference_interval(one, other, clusters=None)
    expected = stats.ttest_rel(one[0], other[0]).confidence_interval()
    np.testing.assert_allclose(bounds(interval), (expected.low, expected.high))
    assert interval.method == "seeds and clusters, Cochran/1 and 1 seeds/60 clusters"


def test_strata_have_equal_weight() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.random((3, 90)), 10 + rng.random((3, 10))], axis=1)
    strata = ["a"] * 90 + ["b"] * 10
    low, high = bounds(seed_interval(values, clusters=None, strata=strata, average="strata"))
    assert low < 5.5 < high
    assert high - low < 0.5  # the strata's own averages are no source of chance


def test_three_seeds_and_thirty_clusters_cover() -> None:
    rng = np.random.default_rng(4)
    covered = 0
    for _ in range(400):
        values = rng.normal(0, 1, 30) + rng.normal(0, 0.3, (3, 1)) + rng.normal(0, 1, (3, 30))
        low, high = bounds(seed_interval(values, clusters=None))
        covered += low <= 0 <= high
    assert 0.92 <= covered / 400 <= 0.99


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [
        (np.ones((1, 5)), None, "one seed"),
        (np.ones((2, 5)), ["a"] * 5, "one cluster"),
        (np.ones((2, 5)), None, "no value differs"),
    ],
)
def test_where_there_is_no_interval_it_says_why(values, clusters, reason) -> None:
    interval = seed_interval(values, clusters=clusters)
    assert isinstance(interval, NoInterval)
    assert reason in interval.reason


def test_other_items_are_refused() -> None:
    with pytest.raises(MetricError, match="5 and 6 items"):
        seed_difference_interval(np.ones((2, 5)), np.ones((2, 6)), clusters=None)
