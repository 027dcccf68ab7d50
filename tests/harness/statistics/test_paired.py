from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import Interval, NoInterval
from fashionbench.statistics.paired import PairedTest, holm, mcnemar_exact, paired_interval, paired_randomisation


def randomised(first: Any, second: Any, **options: Any) -> PairedTest:
    arrays = (np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64))
    return paired_randomisation(*arrays, **{"clusters": None, "strata": None, "seed": 0, **options})


def every_sign(differences: list[float]) -> float:
    """The exact p-value, over all sign vectors."""
    observed = abs(sum(differences)) - 1e-12
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((-1, 1), repeat=len(differences))
    ]
    return float(np.mean([total >= observed for total in sums]))


def within_noise(p_value: float, exact: float, replicates: int = 10_000) -> bool:
    return bool(abs(p_value - exact) < 4.5 * np.sqrt(exact * (1 - exact) / replicates) + 2 / replicates)


@pytest.mark.parametrize("graded", [False, True])
def test_randomisation_agrees_with_all_sign_vectors(*, graded: bool) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random(12), rng.random(12)
    if not graded:
        first, second = (first < 0.8).astype(np.float64), (second < 0.3).astype(np.float64)
    found = randomised(first, second)
    assert found.difference == pytest.approx((first - second).mean())
    assert within_noise(found.p_value, every_sign((first - second).tolist()))


def test_randomisation_of_binary_values_is_mcnemar() -> None:
    rng = np.random.default_rng(1)
    first, second = (rng.random(400) < 0.55).astype(np.float64), (rng.random(400) < 0.47).astype(np.float64)
    assert within_noise(randomised(first, second).p_value, mcnemar_exact(first, second).p_value)


def test_randomisation_agrees_with_scipy() -> None:
    rng = np.random.default_rng(2)
    first = rng.random(80)
    second = first + rng.normal(0.03, 0.15, 80)
    theirs = stats.permutation_test(
        (first, second),
        lambda a, b: np.mean(a - b),
        permutation_type="samples",
        n_resamples=10_000,
        rng=np.random.default_rng(3),
    )
    assert within_noise(randomised(first, second).p_value, theirs.pvalue, 5000)


def test_clusters_are_swapped_as_a_whole() -> None:
    rng = np.random.default_rng(3)
    steps = rng.normal(0.3, 1, 11)
    differences = np.repeat(steps, 4)
    clusters = [f"image{i // 4}" for i in range(44)]
    found = randomised(differences, np.zeros(44), clusters=clusters)
    assert within_noise(found.p_value, every_sign(steps.tolist()))
    assert found.method == "paired-randomisation/B=10000/cluster"
    assert randomised(differences, np.zeros(44)).p_value < found.p_value


def test_average_over_strata_weighs_the_strata_alike() -> None:
    differences = np.array([0.2, 0.4, 0.1, 0.3, 0.2, 0.6, -0.9, -1.1])
    strata = ["large"] * 6 + ["small"] * 2
    found = randomised(differences, np.zeros(8), strata=strata, average="strata")
    assert found.difference == pytest.approx((0.3 - 1.0) / 2)
    weighted = [*(differences[:6] / 12), *(differences[6:] / 4)]
    assert within_noise(found.p_value, every_sign(weighted))
    assert randomised(differences, np.zeros(8), strata=strata).difference == pytest.approx(-0.2 / 8)


def test_smallest_p_value_counts_the_observation_itself() -> None:
    assert randomised(np.ones(60), np.zeros(60), replicates=999).p_value == 1 / 1000
    assert randomised(np.arange(1.0, 61), np.zeros(60), replicates=999).p_value == 1 / 1000


def test_equal_systems_have_a_p_value_of_one() -> None:
    values = np.random.default_rng(0).random(20)
    assert randomised(values, values) == PairedTest(0.0, 1.0, "paired-randomisation/B=10000/item")
    assert mcnemar_exact(np.ones(5), np.ones(5)) == PairedTest(0.0, 1.0, "mcnemar-exact")


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_swapping_the_systems_turns_only_the_sign(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = rng.random(15), rng.random(15)
    one, other = (randomised(*pair, replicates=99, seed=seed) for pair in ((first, second), (second, first)))
    assert one.p_value == other.p_value
    assert one.difference == -other.difference


def test_randomisation_holds_its_level() -> None:
    rng = np.random.default_rng(4)
    p_values = [
        randomised(rng.random(25) < 0.5, rng.random(25) < 0.5, replicates=199, seed=i).p_value for i in range(600)
    ]
    assert np.mean(np.array(p_values) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)


@settings(max_examples=60, deadline=None)
@given(only_first=st.integers(0, 400), only_second=st.integers(0, 400), both=st.integers(1, 5))
def test_mcnemar_agrees_with_the_binomial_test(only_first: int, only_second: int, both: int) -> None:
    first = np.repeat([1.0, 0.0, 1.0, 0.0], [only_first, only_second, both, both])
    second = np.repeat([0.0, 1.0, 1.0, 0.0], [only_first, only_second, both, both])
    found = mcnemar_exact(first, second)
    expected = stats.binomtest(only_first, only_first + only_second).pvalue if only_first + only_second else 1.0
    assert found.p_value == pytest.approx(expected, rel=1e-9)
    assert found.difference == pytest.approx((only_first - only_second) / first.size)


def test_mcnemar_by_hand() -> None:
    # One item against seven: 2 (1 + 8) / 2^8.
    first, second = np.array([1.0] + [0.0] * 7), np.array([0.0] + [1.0] * 7)
    assert mcnemar_exact(first, second).p_value == 18 / 256


def test_mcnemar_refuses_values_between_0_and_1() -> None:
    with pytest.raises(MetricError, match="2 items have a value other than 0 and 1, the first is item 1"):
        mcnemar_exact(np.array([1.0, 0.5, 0.0]), np.array([1.0, 1.0, 0.2]))


def test_paired_interval_is_of_the_difference() -> None:
    rng = np.random.default_rng(5)
    hard = rng.random(300)
    first, second = hard + rng.normal(0.05, 0.02, 300), hard
    found = paired_interval(first, second, clusters=None, strata=None, seed=0)
    assert isinstance(found, Interval)
    half = stats.norm.ppf(0.975) * (first - second).std() / np.sqrt(300)
    assert found.low == pytest.approx((first - second).mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx((first - second).mean() + half, abs=0.1 * half)
    assert found.method == "bootstrap-percentile/B=10000/item"
    assert isinstance(paired_interval(first, first, clusters=None, strata=None, seed=0), NoInterval)


def test_holm_by_hand() -> None:
    # In ascending order 0.005, 0.01, 0.03, 0.04 become 4, 3, 2 and 1 times themselves, and never fall.
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]).tolist() == [1.0, 1.0]
    assert holm([0.02]).tolist() == [0.02]
    assert holm([]).tolist() == []


@settings(max_examples=60, deadline=None)
@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12), alpha=st.floats(0.001, 0.5))
def test_holm_rejects_what_the_step_down_procedure_rejects(p_values: list[float], alpha: float) -> None:
    rejected: set[int] = set()
    for step, place in enumerate(np.argsort(p_values, kind="stable").tolist()):
        if p_values[place] * (len(p_values) - step) > alpha:
            break
        rejected.add(place)
    assert set(np.flatnonzero(holm(p_values) <= alpha).tolist()) == rejected


@pytest.mark.parametrize("wrong", [-0.1, 1.5, float("nan")])
def test_holm_refuses_what_is_no_p_value(wrong: float) -> None:
    with pytest.raises(MetricError, match="at place 1"):
        holm([0.5, wrong])


@pytest.mark.parametrize(
    ("first", "second", "options", "message"),
    [
        ([0.1, np.nan], [0.1, 0.2], {}, "first system not finite at the items 1"),
        ([0.1, 0.2], [np.inf, 0.2], {}, "second system not finite at the items 0"),
        ([0.1, 0.2], [0.1], {}, "2 and 1 values"),
        ([0.1, 0.2], [0.1, 0.2], {"replicates": 0}, "at least one toss"),
        ([0.1, 0.2], [0.1, 0.2], {"clusters": ["a"]}, "1 clusters for 2 items"),
    ],
)
def test_values_that_cannot_be_paired_are_refused(
    first: Any, second: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(MetricError, match=message):
        randomised(first, second, **options)


@pytest.mark.parametrize(("losses", "reaches"), [(3, True), (5, True), (6, False)])
def test_few_clusters_that_differ_cannot_exclude_0_where_no_test_of_their_signs_does(losses, reaches):
    first, second = np.ones(141), np.ones(141)
    first[:losses] = 0
    how = {"clusters": None, "strata": None, "seed": 1}
    interval = paired_interval(first, second, **how)
    p_value = paired_randomisation(first, second, **how).p_value
    assert p_value == pytest.approx(2 * 0.5**losses, abs=0.01)
    assert (interval.high >= 0) is reaches is (p_value > 0.05)
    assert interval.low < -losses / 141
