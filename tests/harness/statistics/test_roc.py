from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.roc import area_under_curve


def test_the_variance_is_delongs_and_the_interval_is_on_the_logit():
    # By hand: placements of the positives 1/3, 1, 2/3 + ... of four against three.
    positive, negative = np.array([2.0, 5.0, 3.5, 6.0]), np.array([1.0, 3.0, 4.0])
    above, below = np.array([1 / 3, 1, 2 / 3, 1]), np.array([1, 3 / 4, 2 / 4])
    value, found = area_under_curve(positive, negative)
    assert value == pytest.approx(above.mean()) == pytest.approx(below.mean())
    error = np.sqrt(above.var(ddof=1) / 4 + below.var(ddof=1) / 3)
    logit = stats.logistic.ppf(value)
    half = stats.norm.ppf(0.975) * error / (value * (1 - value))
    assert found.bounds == pytest.approx((stats.logistic.cdf(logit - half), stats.logistic.cdf(logit + half)), abs=1e-6)


@pytest.mark.parametrize(("positive", "negative"), [((5, 6, 7, 8), (1, 2, 3, 4)), ((3, 4), (1, 2, 2, 0, 1))])
def test_separated_labels_have_the_wilson_interval_of_the_smaller_label(positive, negative):
    fewer = min(len(positive), len(negative))
    value, found = area_under_curve(np.array(positive, float), np.array(negative, float))
    assert (value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(stats.binomtest(fewer, fewer).proportion_ci(method="wilson").low)
    value, found = area_under_curve(np.array(negative, float), np.array(positive, float))
    assert (value, found.low) == (0.0, 0.0)
    assert 0.3 < found.high < 0.7


@pytest.mark.parametrize(("positive", "negative"), [([0.0] * 4, [0.0] * 4), ([1.0, 1.0], [1.0] * 50)])
def test_constant_scores_have_no_interval(positive, negative):
    value, found = area_under_curve(np.array(positive), np.array(negative))
    assert value == 0.5
    assert isinstance(found, NoInterval)


def test_one_item_of_a_label_has_no_interval_unless_it_is_separated():
    assert isinstance(area_under_curve(np.array([2.0]), np.array([1.0, 3.0]))[1], NoInterval)
    assert area_under_curve(np.array([4.0]), np.array([1.0, 3.0]))[1].low == pytest.approx(1 / (1 + 1.959964**2))
