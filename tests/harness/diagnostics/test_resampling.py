"""Intervals of statistics that are no means, and shuffled references."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from fashionbench.diagnostics import resampling

RNG = np.random.default_rng(2)


def test_of_a_mean_whose_parts_are_single_items_the_interval_is_that_of_student():
    values = RNG.normal(size=50)
    found = resampling.jackknifed(lambda kept: float(values[kept].mean()), 50, seed=0)
    half = t.ppf(0.975, 49) * values.std(ddof=1) / np.sqrt(50)
    assert found.value == pytest.approx(values.mean())
    assert found.interval == pytest.approx((values.mean() - half, values.mean() + half))


def test_of_more_items_than_parts_the_interval_is_about_as_wide():
    values = RNG.normal(size=900)
    found = resampling.jackknifed(lambda kept: float(values[kept].mean()), 900, seed=0)
    assert found.interval[1] - found.value == pytest.approx(2 * values.std() / 30, rel=0.35)
    assert found == resampling.jackknifed(lambda kept: float(values[kept].mean()), 900, seed=0)


@pytest.mark.parametrize(("count", "said"), [(2, "only 2 items"), (39, "fewer than 40")])
def test_too_few_items_have_no_interval_and_the_reason_stands_there(count, said):
    values = RNG.normal(size=count)
    found = resampling.jackknifed(lambda kept: float(values[kept].mean()), count, seed=0)
    assert found.interval is None and said in found.method and found.n == count


def test_a_shuffled_reference_spans_what_its_shufflings_gave():
    found = resampling.shuffled(lambda rng: float(rng.normal()), 7, seed=4)
    values = np.random.default_rng(4).normal(size=resampling.SHUFFLES)
    assert found.value == pytest.approx(values.mean())
    assert found.interval == pytest.approx(tuple(np.quantile(values, [0.025, 0.975])))


@pytest.mark.parametrize("count", [2, 3, 17])
def test_no_item_stays_at_its_place_and_each_comes_once(count):
    for seed in range(5):
        order = resampling.derangement(count, np.random.default_rng(seed))
        assert sorted(order) == list(range(count)) and not (order == np.arange(count)).any()


def test_columns_are_shuffled_apart():
    rows = np.stack([np.arange(50.0), np.arange(50.0)], axis=1)
    moved = resampling.columns_shuffled(rows, RNG)
    assert sorted(moved[:, 0]) == sorted(moved[:, 1]) == list(range(50))
    assert (moved[:, 0] != moved[:, 1]).any()
