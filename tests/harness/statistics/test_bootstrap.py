from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from fashionbench.errors import MetricError
from fashionbench.seeding import seed_of
from fashionbench.statistics.bootstrap import Interval, NoInterval, Statistic, bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]


def interval(values: FloatArray, **options: Any) -> Interval:
    result = bootstrap_interval(values, **{"clusters": None, "strata": None, "seed": 0, **options})
    assert isinstance(result, Interval)
    return result


def names(codes: NDArray[Any]) -> list[str]:
    return [f"c{code}" for code in codes.tolist()]


def naive(
    values: FloatArray, clusters: list[str], statistic: Callable[[NDArray[np.int64]], float], replicates: int
) -> list[float]:
    """Bootstrap by drawing clusters and concatenating their items, one resample at a time."""
    rng = np.random.default_rng(99)
    members = [np.flatnonzero(np.array(clusters) == name) for name in sorted(set(clusters))]
    drawn = (rng.integers(0, len(members), len(members)) for _ in range(replicates))
    return [statistic(np.concatenate([members[i] for i in chosen])) for chosen in drawn]


def ends_agree(found: Interval, estimates: Any) -> bool:
    """Whether an interval is that of some resamples, up to the noise of both sets of resamples.

    An end has the standard error sqrt(p (1 - p) / B) / density, near 0.03 widths for the B = 4000 used here.
    """
    low, high = np.quantile(estimates, [0.025, 0.975])
    return bool(max(abs(found.low - low), abs(found.high - high)) < 0.06 * (high - low))


@pytest.mark.parametrize("graded", [False, True])
def test_items_agree_with_scipy(*, graded: bool) -> None:
    rng = np.random.default_rng(1)
    values = rng.beta(2, 3, 300) if graded else (rng.random(300) < 0.3).astype(np.float64)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(2))
    ours = interval(values)
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert ours.low == pytest.approx(theirs.confidence_interval.low, abs=0.04 * width)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, abs=0.04 * width)


@pytest.mark.parametrize("graded", [False, True])
def test_clusters_of_one_size_agree_with_the_closed_form(*, graded: bool) -> None:
    # Of equal clusters the bootstrap mean has exactly the variance of the cluster means over their number.
    rng = np.random.default_rng(3)
    answers = rng.random(400) if graded else (rng.random(400) < 0.4).astype(np.float64)
    values = np.repeat(answers, 5)
    clusters = names(np.repeat(np.arange(400), 5))
    found = interval(values, clusters=clusters)
    half = stats.norm.ppf(0.975) * answers.std() / np.sqrt(400)
    assert found.low == pytest.approx(answers.mean() - half, abs=0.06 * half)
    assert found.high == pytest.approx(answers.mean() + half, abs=0.06 * half)
    alone = interval(values)
    assert (found.high - found.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(5), rel=0.06)


def test_clusters_of_all_sizes_agree_with_a_naive_loop() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 60, 400)
    clusters, values = names(codes), rng.random(400) + 0.5 * (codes % 3)
    assert ends_agree(interval(values, clusters=clusters), naive(values, clusters, lambda i: values[i].mean(), 4000))


def test_average_over_strata_agrees_with_a_naive_loop_when_clusters_span_them() -> None:
    rng = np.random.default_rng(5)
    codes, stratum = rng.integers(0, 80, 500), rng.choice(3, 500, p=[0.7, 0.2, 0.1])
    clusters, values = names(codes), rng.random(500) + stratum + 0.3 * (codes % 4)

    def statistic(items: NDArray[np.int64]) -> float:
        return float(np.mean([values[items[stratum[items] == h]].mean() for h in range(3)]))

    found = interval(values, clusters=clusters, strata=names(stratum), average="strata")
    assert ends_agree(found, naive(values, clusters, statistic, 4000))
    over_items = interval(values, clusters=clusters, strata=names(stratum))
    assert over_items.high < found.low


@pytest.mark.parametrize("by_stratum", [False, True])
def test_median_agrees_with_a_naive_loop(*, by_stratum: bool) -> None:
    rng = np.random.default_rng(6)
    codes, stratum = rng.integers(0, 70, 301), rng.integers(0, 2, 301)
    clusters, values = names(codes), np.round(rng.exponential(30, 301)) + 20 * stratum

    def statistic(items: NDArray[np.int64]) -> float:
        if not by_stratum:
            return float(np.median(values[items]))
        return float(np.mean([np.median(values[items[stratum[items] == h]]) for h in range(2)]))

    options: dict[str, Any] = {"average": "strata", "strata": names(stratum)} if by_stratum else {}
    found = interval(values, clusters=clusters, statistic="median", **options)
    estimates = naive(values, clusters, statistic, 4000)
    low, high = np.quantile(estimates, [0.025, 0.975])
    assert abs(found.low - low) <= 1
    assert abs(found.high - high) <= 1


@settings(max_examples=30, deadline=None)
@given(values=st.lists(st.integers(0, 9), min_size=2, max_size=12), seed=st.integers(0, 2**63 - 1))
def test_an_interval_stays_inside_the_values(values: list[int], seed: int) -> None:
    statistics: tuple[Statistic, ...] = ("mean", "median")
    for statistic in statistics:
        found = bootstrap_interval(
            np.array(values, dtype=np.float64),
            clusters=None,
            strata=None,
            seed=seed,
            replicates=200,
            statistic=statistic,
        )
        if isinstance(found, Interval):
            assert min(values) <= found.low <= found.high <= max(values)
        else:
            assert len(set(values)) == 1


def test_median_of_two_items_takes_the_values_that_two_draws_can_give() -> None:
    # Both draws are 1 in a quarter of the resamples, both are 4 in another.
    for level, bounds in ((0.6, (1.0, 4.0)), (0.4, (2.5, 2.5))):
        assert interval(np.array([1.0, 4.0]), statistic="median", level=level).bounds == bounds


def test_one_seed_gives_one_interval_and_another_seed_another() -> None:
    values = np.random.default_rng(0).random(500)
    clusters = names(np.arange(500) // 2)
    for options in ({}, {"clusters": clusters}, {"statistic": "median"}):
        assert interval(values, seed=7, **options) == interval(values, seed=7, **options)
        assert interval(values, seed=7, **options) != interval(values, seed=8, **options)


def test_names_of_clusters_decide_nothing_but_order() -> None:
    values = np.random.default_rng(0).random(60)
    codes = np.repeat(np.arange(20), 3)
    one = interval(values, clusters=[f"a{code:02}" for code in codes])
    assert one == interval(values, clusters=[f"image/{code + 10}" for code in codes])


def test_a_higher_level_is_wider() -> None:
    values = np.random.default_rng(0).random(200)
    narrow, wide = interval(values, level=0.8), interval(values, level=0.99)
    assert wide.low < narrow.low < narrow.high < wide.high


def test_method_says_what_was_done() -> None:
    values = np.random.default_rng(0).random(30)
    assert interval(values).method == "bootstrap-percentile/B=10000/item"
    clustered = interval(values, clusters=names(np.arange(30) // 3), replicates=500)
    assert clustered.method == "bootstrap-percentile/B=500/cluster"
    assert clustered.bounds == (clustered.low, clustered.high)


@pytest.mark.parametrize(
    ("values", "clusters", "reason"),
    [
        ([0.5], None, "only one item"),
        ([0.1, 0.9, 0.4], ["a", "a", "a"], "only one cluster"),
        ([1.0, 1.0, 1.0], None, "every resample of the 3 items gives the same value"),
        ([0.0, 1.0, 0.0, 1.0], ["a", "a", "b", "b"], "every resample of the 2 clusters gives the same value"),
    ],
)
def test_no_interval_of_width_zero(values: list[float], clusters: list[str] | None, reason: str) -> None:
    found = bootstrap_interval(np.array(values), clusters=clusters, strata=None, seed=0)
    assert isinstance(found, NoInterval)
    assert reason in found.reason
    assert found.bounds is None
    assert found.method == f"none: {found.reason}"


def test_resamples_that_lose_a_stratum_are_counted_and_too_many_are_refused() -> None:
    values = np.random.default_rng(0).random(40)
    strata = ["small"] * 8 + ["large"] * 32
    found = interval(values, strata=strata, average="strata", seed=1)
    discarded = int(found.method.rpartition("discarded=")[2])
    assert abs(discarded - 10_000 * (1 - 8 / 40) ** 40) < 6  # 1.3 expected
    tiny = bootstrap_interval(values, clusters=None, strata=["small", *["large"] * 39], average="strata", seed=1)
    assert isinstance(tiny, NoInterval)
    assert "leave a stratum empty" in tiny.reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"values": np.array([0.1, np.nan, np.inf])}, "not finite at the items 1, 2"),
        ({"values": np.zeros(0)}, "not empty"),
        ({"values": np.zeros((2, 2))}, "one number an item"),
        ({"clusters": ["a"]}, "1 clusters for 3 items"),
        ({"strata": ["a"], "average": "strata"}, "1 strata for 3 items"),
        ({"average": "strata"}, "cannot average over 'strata'"),
        ({"average": "queries"}, "cannot average over 'queries'"),
        ({"level": 1.0}, "cannot show the tails"),
        ({"replicates": 30}, "30 resamples cannot show the tails of a 95.0% interval"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    arguments = {"values": np.array([0.1, 0.2, 0.3]), "clusters": None, "strata": None, "seed": 0, **options}
    with pytest.raises(MetricError, match=message):
        bootstrap_interval(**arguments)


def test_seed_is_the_same_everywhere_and_tells_ids_apart() -> None:
    assert seed_of("ab", "c") != seed_of("a", "bc")
    assert seed_of("a", "b") != seed_of("b", "a")
    assert all(0 <= seed_of(f"cell-{i}") < 2**63 for i in range(200))
    code = "from fashionbench.seeding import seed_of; print(seed_of('cell', 'hit@10 ä'))"
    paths = {"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "1"}
    fresh = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=paths)
    assert int(fresh.stdout) == seed_of("cell", "hit@10 ä")
