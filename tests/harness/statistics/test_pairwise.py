from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.statistics.paired import holm, paired_randomisation
from fashionbench.statistics.pairwise import pairwise_tests


def by_hand(values: np.ndarray, clusters: list[str]) -> dict[tuple[int, int], float]:
    """Westfall and Young's algorithm 4.1 written down as it stands, over every pattern of signs of the clusters."""
    names = sorted(set(clusters))
    sums = np.array([[sum(v for v, c in zip(row, clusters, strict=True) if c == n) for n in names] for row in values])
    pairs = list(combinations(range(len(values)), 2))
    scale = {p: np.sqrt(((sums[p[0]] - sums[p[1]]) ** 2).sum()) for p in pairs}
    pairs = [p for p in pairs if scale[p] > 0]
    observed = {p: abs((sums[p[0]] - sums[p[1]]).sum()) / scale[p] for p in pairs}
    order = sorted(pairs, key=lambda p: -observed[p])
    counts = dict.fromkeys(pairs, 0)
    patterns = list(product((1, -1), repeat=len(names)))
    for signs in patterns:
        tossed = {p: abs(((sums[p[0]] - sums[p[1]]) * signs).sum()) / scale[p] for p in pairs}
        for place, pair in enumerate(order):
            counts[pair] += max(tossed[p] for p in order[place:]) >= observed[pair] - 1e-9
    adjusted, before = {}, 0.0
    for pair in order:
        before = max(before, counts[pair] / len(patterns))
        adjusted[pair] = before
    return adjusted


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 4), st.integers(3, 9), st.integers(0, 10_000))
def test_few_clusters_are_exact(systems: int, groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = [f"c{number % groups}" for number in range(2 * groups)]
    values = rng.integers(0, 3, (systems, len(clusters))).astype(float)
    tests = pairwise_tests(values, clusters=clusters, seed=0)
    for (one, other), expected in by_hand(values, clusters).items():
        assert tests.p_values[one, other] == pytest.approx(expected, abs=1e-12)
        assert tests.p_values[other, one] == tests.p_values[one, other]


def test_one_pair_is_the_paired_test() -> None:
    rng = np.random.default_rng(3)
    first, second = (rng.random(400) < rate for rate in (0.45, 0.36))
    values = np.stack([first, second]).astype(float)
    tests = pairwise_tests(values, clusters=None, replicates=40_000, seed=1)
    alone = paired_randomisation(values[0], values[1], clusters=None, strata=None, replicates=40_000, seed=2)
    assert tests.p_values[0, 1] == pytest.approx(alone.p_value, abs=0.01)
    assert 0.02 < alone.p_value < 0.5
    assert tests.differences[0, 1] == pytest.approx(alone.difference, abs=1e-12)


def test_clusters_are_tossed_as_one() -> None:
    # Ten copies of each of eight items say no more than the eight items.
    rng = np.random.default_rng(5)
    few = rng.random((3, 8))
    many = np.repeat(few, 10, axis=1)
    clusters = [str(at // 10) for at in range(80)]
    alone = pairwise_tests(few, clusters=None, seed=0)
    np.testing.assert_allclose(pairwise_tests(many, clusters=clusters, seed=0).p_values, alone.p_values, atol=1e-12)
    assert pairwise_tests(many, clusters=None, seed=0).p_values[0, 1] < alone.p_values[0, 1]


def test_strata_have_equal_weight() -> None:
    values = np.array([[1.0] * 90 + [0.0] * 10, [0.0] * 90 + [1.0] * 10])
    strata = ["a"] * 90 + ["b"] * 10
    assert pairwise_tests(values, clusters=None, seed=0).differences[0, 1] == pytest.approx(0.8)
    weighed = pairwise_tests(values, clusters=None, strata=strata, average="strata", seed=0)
    assert weighed.differences[0, 1] == pytest.approx(0.0)


def test_the_order_of_systems_and_a_constant_change_nothing() -> None:
    rng = np.random.default_rng(7)
    values = rng.random((5, 200)) + np.linspace(0, 0.2, 5)[:, None]
    order = [3, 0, 4, 1, 2]
    tests, moved = (pairwise_tests(v, clusters=None, seed=0) for v in (values, values[order] + 1000.0))
    np.testing.assert_allclose(moved.p_values, tests.p_values[np.ix_(order, order)], atol=1e-12)
    assert moved.rank_sets() == [tests.rank_sets()[at] for at in order]


def test_many_correlated_systems_are_told_apart_where_holm_cannot() -> None:
    # 33 systems make 528 pairs: Holm over p-values that cannot fall below 1 / 10,001 rejects none of them.
    rng = np.random.default_rng(11)
    hard = rng.random(500)
    values = (hard < np.linspace(0.2, 0.7, 33)[:, None]).astype(float)
    tests = pairwise_tests(values, clusters=None, seed=0)
    assert tests.p_values[0, 32] < 0.01
    assert holm([1 / 10_001] * 528).min() > 0.05
    assert tests.rank_sets()[32][1] < 17 < tests.rank_sets()[0][0]


def test_rank_sets_and_the_group_of_the_best() -> None:
    # Two that are equal but for a coin toss, and one far behind both.
    rng = np.random.default_rng(13)
    base = rng.random(300)
    values = np.stack([base, base + rng.normal(0, 0.01, 300), base - 1])
    tests = pairwise_tests(values, clusters=None, seed=0)
    assert tests.rank_sets() == [(1, 2), (1, 2), (3, 3)]
    assert tests.rank_sets(higher_is_better=False) == [(2, 3), (2, 3), (1, 1)]
    assert tests.tied_with_best().tolist() == [True, True, False]
    assert tests.tied_with_best(higher_is_better=False).tolist() == [False, False, True]


@pytest.mark.parametrize("seed", range(4))
def test_groups_are_the_largest_runs_of_systems_that_no_test_parts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hard = rng.normal(size=150)
    values = np.stack([hard + shift + rng.normal(0, 0.5, 150) for shift in (0.0, 0.1, 0.2, 0.25, 0.6, 0.62)])
    made = pairwise_tests(values, clusters=None, replicates=500, seed=seed)
    for higher in (True, False):
        order = sorted(range(6), key=lambda at: made.means[at] * (-1 if higher else 1))
        runs = [order[a:b] for a in range(6) for b in range(a + 2, 7)]
        whole = [run for run in runs if all(made.p_values[i, j] > 0.05 for i in run for j in run)]
        largest = [run for run in whole if not any(set(run) < set(other) for other in whole)]
        assert [list(group) for group in made.groups(higher_is_better=higher)] == largest


def test_equal_systems_are_tied_and_nothing_is_detectable() -> None:
    tests = pairwise_tests(np.ones((3, 5)), clusters=None, seed=0)
    assert (tests.p_values == 1).all()
    assert tests.rank_sets() == [(1, 3)] * 3
    assert tests.detectable is None
    assert tests.method == "no two systems differ"


def test_a_difference_of_the_detectable_size_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(17)
    noise = lambda: rng.normal(0, 1, (2, 200))  # noqa: E731
    detectable = pairwise_tests(noise(), clusters=None, replicates=1000, seed=0).detectable
    assert detectable is not None
    # By theory: (1.96 + 0.84) standard errors of a difference of two means of 200.
    assert detectable == pytest.approx(2.8 * np.sqrt(2 / 200), rel=0.1)
    found = 0
    for trial in range(200):
        values = noise()
        values[0] += detectable
        found += pairwise_tests(values, clusters=None, replicates=400, seed=trial).p_values[0, 1] <= 0.05
    assert 0.7 < found / 200 < 0.9


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (np.ones((1, 4)), "two systems or more"),
        (np.ones(4), "two systems or more"),
        (np.full((2, 3), np.nan), "finite"),
    ],
)
def test_what_cannot_be_tested_is_refused(values: np.ndarray, told: str) -> None:
    with pytest.raises(MetricError, match=told):
        pairwise_tests(values, clusters=None, seed=0)
