"""Tests against a base are those of all sign patterns, hold their level over seeds, and use that the base is shared."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from fashionbench.errors import MetricError
from fashionbench.statistics.against_base import LEAST_CLUSTERS, base_tests
from fashionbench.statistics.paired import holm, paired_randomisation
from fashionbench.statistics.seeds import seed_difference_p_value

HOW = {"strata": None, "average": "items"}


def by_brute_force(base, systems, clusters):
    """Adjusted p-values by definition: for the k-th largest difference, all patterns, the largest of those from k on."""
    names = sorted(set(clusters))
    gaps = np.array([[(base - s)[[c == n for c in clusters]].sum() for n in names] for s in systems])
    scale = np.sqrt((gaps**2).sum(axis=1))
    found = np.abs(gaps.sum(axis=1)) / scale
    order = sorted(range(len(systems)), key=lambda at: -found[at])
    patterns = np.array(list(product([-1, 1], repeat=len(names))))
    drawn = np.abs(patterns @ gaps.T) / scale
    p_values, last = np.ones(len(systems)), 0.0
    for place, at in enumerate(order):
        share = (drawn[:, order[place:]].max(axis=1) >= found[at] - 1e-9).mean()
        p_values[at] = last = max(last, share)
    return p_values


@pytest.mark.parametrize("seed", range(3))
def test_one_seed_and_few_clusters_are_all_sign_patterns(seed):
    rng = np.random.default_rng(seed)
    base, clusters = rng.normal(size=21), [str(at // 3) for at in range(21)]
    systems = [base + rng.normal(shift, 0.4, 21) for shift in (0.0, 0.3, 0.6)]
    made = base_tests(base[None], [one[None] for one in systems], clusters=clusters, seed=0)
    np.testing.assert_allclose(made.p_values, by_brute_force(base, systems, clusters), atol=1e-12)
    assert "all 64 sign patterns/cluster" in made.method


def test_one_system_with_one_seed_is_the_paired_test():
    rng = np.random.default_rng(5)
    base = rng.normal(size=200)
    other = base + rng.normal(0.1, 0.6, 200)
    made = base_tests(base[None], [other[None]], clusters=None, seed=0)
    alone = paired_randomisation(base, other, clusters=None, seed=1, **HOW)
    assert made.p_values[0] == pytest.approx(alone.p_value, abs=0.01)


def drawn(rng, shifts, seeds=3, items=120, spread=0.0):
    """A base and systems, each with seeds that shift all of its items."""
    hard = rng.normal(size=items)
    made = []
    for shift in (0.0, *shifts):
        own = hard + shift + rng.normal(0, 0.3, items)
        made.append(np.stack([own + rng.normal(0, spread) + rng.normal(0, 0.3, items) for _ in range(seeds)]))
    return made[0], made[1:]


def test_seeds_that_differ_make_a_difference_uncertain():
    """Two seeds apart by more than the systems are: items alone would call the systems different without a doubt."""
    items = np.random.default_rng(0).normal(size=300)
    base, other = np.stack([items, items + 2]), np.stack([items + 0.5, items + 2.5])
    p_value = base_tests(base, [other], clusters=None, seed=0).p_values[0]
    assert p_value > 0.3
    averages = base_tests(base.mean(axis=0)[None], [other.mean(axis=0)[None]], clusters=None, seed=0)
    assert averages.p_values[0] < 0.001


def test_one_system_over_seeds_agrees_with_its_interval():
    for seed in range(4):
        base, (other,) = drawn(np.random.default_rng(seed), [0.25], seeds=4, spread=0.05)
        one = base_tests(base, [other], clusters=None, seed=0).p_values[0]
        alone = seed_difference_p_value(other, base, clusters=None)
        assert one == pytest.approx(alone, rel=0.5, abs=0.01)


def test_no_effect_is_seldom_found_and_effects_more_often_than_after_holm():
    errors, found, by_holm = 0, 0, 0
    for trial in range(60):
        rng = np.random.default_rng(trial)
        base, equal = drawn(rng, [0.0] * 5, spread=0.05)
        errors += base_tests(base, equal, clusters=None, replicates=300, seed=trial).p_values.min() <= 0.05
        base, other = drawn(rng, [0.2, 0.25, 0.3, 0.35, 0.4], spread=0.02)
        found += (base_tests(base, other, clusters=None, replicates=300, seed=trial).p_values <= 0.05).sum()
        alone = [seed_difference_p_value(one, base, clusters=None) for one in other]
        by_holm += (holm(alone) <= 0.05).sum()
    assert errors <= 6  # of 60 at the 5 % level, the chance of more is 3 %
    assert found > by_holm


def test_a_system_whose_seeds_differ_does_not_hide_one_whose_seeds_agree():
    rng = np.random.default_rng(3)
    base = np.repeat(rng.normal(size=(1, 90)), 3, axis=0)
    steady, noisy = base + rng.normal(0.5, 0.5, 90), base + rng.normal(0, 0.5, (3, 1)) + rng.normal(0, 0.5, (3, 90))
    both = base_tests(base, [steady, noisy], clusters=None, seed=0).p_values
    assert both[0] < 0.001
    assert both[1] > 0.05


def test_a_system_that_is_the_base_counts_for_nothing():
    base, (other, _) = drawn(np.random.default_rng(1), [0.2, 0.0])
    alone = base_tests(base, [other], clusters=None, seed=0).p_values[0]
    beside = base_tests(base, [other, base.copy(), base.copy()], clusters=None, seed=0).p_values
    assert beside.tolist() == [alone, 1.0, 1.0]
    assert base_tests(base, [base], clusters=None, seed=0).method == "no system differs from the base"


def test_few_clusters_and_several_seeds_are_left_to_holm():
    base, systems = drawn(np.random.default_rng(2), [0.2, 0.1])
    for groups, none in ((LEAST_CLUSTERS - 1, True), (LEAST_CLUSTERS, False)):
        clusters = [str(at % groups) for at in range(120)]
        assert (base_tests(base, systems, clusters=clusters, seed=0) is None) == none


def test_strata_have_equal_weight():
    """The first stratum has one item of ten, and half of the weight: its loss outweighs nine smaller gains."""
    strata = ["a"] * 3 + ["b"] * 27
    base = np.zeros((1, 30))
    other = np.where(np.array(strata) == "a", -1.0, 0.5)[None]
    plain = base_tests(base, [other], clusters=None, seed=0)
    weighed = base_tests(base, [other], clusters=None, strata=strata, average="strata", seed=0)
    assert plain.p_values[0] < 0.01 < weighed.p_values[0]


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(MetricError, match="one system or more"):
        base_tests(np.zeros((1, 4)), [], clusters=None, seed=0)
    with pytest.raises(MetricError, match="same items"):
        base_tests(np.zeros((1, 4)), [np.zeros((1, 5))], clusters=None, seed=0)
