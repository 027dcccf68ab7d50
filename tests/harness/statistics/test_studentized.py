from __future__ import annotations

import numpy as np
import pytest

from fashionbench.statistics.bootstrap import NoInterval, bootstrap_interval
from fashionbench.statistics.studentized import studentized_interval


def interval(values, clusters=None, strata=None, **options):
    average = "items" if strata is None else "strata"
    options = {"seed": 0, **options}
    return studentized_interval(np.asarray(values, float), clusters=clusters, strata=strata, average=average, **options)


def naive(values, codes, strata, replicates):
    """Studentize one resample at a time, with the variance from the clusters' deviations."""
    rng = np.random.default_rng(5)
    n, labels = int(codes.max()) + 1, np.unique(strata)

    def mean_and_error(weights):
        mean, deviation = 0.0, np.zeros(n)
        for label in labels:
            chosen = strata == label
            sums = np.bincount(codes[chosen], weights=values[chosen], minlength=n)
            counts = np.bincount(codes[chosen], minlength=n)
            part = (weights @ sums) / (weights @ counts)
            deviation += (sums - part * counts) / (weights @ counts) / len(labels)
            mean += part / len(labels)
        return mean, np.sqrt(n / (n - 1) * (weights @ deviation**2))

    mean, error = mean_and_error(np.ones(n))
    found = []
    for _ in range(replicates):
        other, its = mean_and_error(rng.multinomial(n, np.ones(n) / n))
        found.append((other - mean) / its)
    last, first = np.quantile(found, [0.975, 0.025])
    return mean - last * error, mean - first * error


@pytest.mark.parametrize("spanning", [False, True])
def test_it_agrees_with_a_naive_loop(*, spanning):
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 50, 200)
    strata = rng.integers(0, 2, 200) if spanning else codes % 2
    values = rng.exponential(1, 200) + 0.5 * (codes % 5) + strata
    found = interval(values, [f"{c:02d}" for c in codes], [str(s) for s in strata])
    low, high = naive(values, codes, strata, 4000)
    assert found.bounds == pytest.approx((low, high), abs=0.06 * (high - low))


def test_few_kinds_of_items_are_drawn_as_kinds_and_say_the_same():
    values = np.repeat([0.0, 0.5, 1.0], [100, 60, 140])
    # A little noise makes each item a kind of its own.
    apart = values + np.random.default_rng(0).normal(0, 1e-6, values.size)
    width = np.diff(interval(values).bounds)[0]
    assert interval(values).bounds == pytest.approx(interval(apart).bounds, abs=0.04 * width)


def test_skewed_values_have_a_longer_arm_where_the_tail_is():
    values = np.random.default_rng(2).exponential(1, 40)
    found = interval(values)
    assert found.high - values.mean() > 1.2 * (values.mean() - found.low)


def test_it_covers_skewed_values_where_percentiles_do_not():
    rng = np.random.default_rng(3)
    hits = np.zeros(2)
    for at in range(300):
        values = rng.exponential(1, 30) ** 1.5
        truth = 1.3293404  # gamma(2.5)
        found = [interval(values, seed=at, replicates=500)]
        found.append(bootstrap_interval(values, clusters=None, strata=None, seed=at, replicates=500))
        hits += [one.low <= truth <= one.high for one in found]
    assert hits[0] / 300 > 0.91
    assert hits[1] / 300 < 0.90


def test_a_mean_too_near_to_a_bound_has_none():
    values = np.r_[np.zeros(40) + 0.001, 0.9]
    assert "too few for a mean this near to 0 or 1" in interval(values, bounds=(0, 1)).method
    graded = np.r_[values, np.linspace(0.1, 0.9, 40)]
    assert interval(graded, bounds=(0, 1)) == interval(graded)
    # Its upper end is beyond what a mean could be.
    assert isinstance(interval(graded, bounds=(0, interval(graded).high - 0.001)), NoInterval)


def test_what_shows_no_spread_has_none():
    assert interval([0.5] * 40) == NoInterval("all 40 items have one value, 0.5")
    assert interval([0.1, 0.9], ["a", "a"]) == NoInterval("only one cluster")
    assert interval([0.5] * 39 + [0.7]) == NoInterval("too few of the 40 items differ from the others")
    # All clusters have one mean.
    assert isinstance(interval([0.2, 0.4] * 40, [str(i // 2) for i in range(80)]), NoInterval)


def test_many_strata_that_share_clusters_have_percentiles():
    rng = np.random.default_rng(4)
    codes, strata = np.tile(np.arange(60), 20), np.repeat(np.arange(20), 60)
    found = interval(rng.random(1200), [str(c) for c in codes], [f"{s:02d}" for s in strata])
    assert found.method.startswith("20 strata: bootstrap-percentile")
