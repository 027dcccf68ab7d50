from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.roc import area_under_curve


def by_hand(positive, negative):
    """Compare every pair, and take DeLong's variance of both samples' placements."""
    pairs = np.array([[(p > n) + 0.5 * (p == n) for n in negative] for p in positive])
    above, below = pairs.mean(axis=1), pairs.mean(axis=0)
    return pairs.mean(), np.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative))


def test_the_variance_is_delongs_and_the_interval_is_on_the_logit():
    rng = np.random.default_rng(0)
    positive, negative = np.round(rng.normal(1, 1, 25), 1), np.round(rng.normal(0, 1, 40), 1)
    area, error = by_hand(positive, negative)
    value, found = area_under_curve(positive, negative)
    assert value == pytest.approx(area)
    half = stats.norm.ppf(0.975) * error / (value * (1 - value))
    ends = stats.logistic.cdf(stats.logistic.ppf(value) + half * np.array([-1, 1]))
    assert found.bounds == pytest.approx(tuple(ends), abs=1e-6)


@pytest.mark.parametrize(("more", "fewer"), [(30, 20), (20, 45)])
def test_separated_labels_have_the_wilson_interval_of_the_smaller_label(more, fewer):
    high, low, smaller = np.arange(100.0, 100 + more), np.arange(0.0, fewer), min(more, fewer)
    value, found = area_under_curve(high, low)
    assert (value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(stats.binomtest(smaller, smaller).proportion_ci(method="wilson").low)
    value, found = area_under_curve(low, high)
    assert (value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(stats.binomtest(0, smaller).proportion_ci(method="wilson").high)


@pytest.mark.parametrize(("more", "fewer"), [(20, 20), (25, 50)])
def test_constant_scores_have_no_interval(more, fewer):
    value, found = area_under_curve(np.ones(more), np.ones(fewer))
    assert (value, isinstance(found, NoInterval)) == (0.5, True)
    assert "do not differ" in found.method


@pytest.mark.parametrize("scores", [[5.0, 6, 7, 8], [1.0, 2, 3, 4], [2.5] * 4])
def test_few_items_of_a_label_have_no_interval(scores):
    found = area_under_curve(np.array(scores), np.arange(1.0, 50.0))[1]
    assert found == NoInterval("4 items of a label are fewer than 20")
