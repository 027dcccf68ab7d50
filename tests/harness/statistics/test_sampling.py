"""Which interval a mean or a median of per-item values gets, or the reason why it has none."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.statistics.sampling import is_superseded, sampling_interval

RNG = np.random.default_rng(0)
GRADED = RNG.random(60)


def method(values, **options):
    options = {"clusters": None, "strata": None, "seed": 0, "bounds": (0, 1), **options}
    found = sampling_interval(np.asarray(values, float), **options)
    assert found.bounds is None or found.bounds[0] < found.bounds[1]
    return found.method


def slices(*sizes):
    return {
        "average": "strata",
        "strata": [name for name, size in zip("abcd", sizes, strict=False) for _ in range(size)],
    }


@pytest.mark.parametrize("values", [[0] * 8, [1] * 8, [0, 1] * 4, [1]])
def test_shares_have_wilson_intervals_however_few(values):
    assert method(values).startswith("wilson/")


def test_errors_that_are_all_0_are_no_share():
    assert method([0.0] * 50, bounds=None) == "none: the 50 items have one value, 0"


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (GRADED[:39], {}, "39 items are fewer than 40"),
        (GRADED, {"clusters": [str(i % 20) for i in range(60)]}, "20 clusters are fewer than 40"),
        (GRADED, slices(52, 8), "8 items of slice b are fewer than 40"),
        (np.r_[GRADED, [0.5] * 40], slices(60, 40), "the 40 items of slice b have one value, 0.5"),
        ([0.5] * 60, {}, "the 60 items have one value, 0.5"),
        (
            [3.0] * 60,
            {"statistic": "median"},
            "the median and both its limits are one value, 3",
        ),
    ],
)
def test_what_cannot_be_honest_has_none_with_the_reason(values, options, reason):
    assert method(values, **options) == f"none: {reason}"


def test_graded_values_and_medians_have_their_own_methods():
    assert method(GRADED).startswith("bootstrap-studentized/")
    assert method(GRADED, statistic="median").startswith("woodruff/")


def test_no_method_of_today_is_taken_for_one_of_old():
    many = {"average": "strata", "strata": [f"{i // 60:02d}" for i in range(1200)]}
    cases = [(GRADED, {}), ([0, 1], {}), ([0.5] * 60, {}), (GRADED, {"statistic": "median"})]
    cases.append((np.tile(GRADED, 20), many | {"clusters": [str(i % 60) for i in range(1200)]}))
    for values, options in cases:
        assert not is_superseded(method(values, **options))


def test_intervals_of_medians_that_took_ranks_as_limits_are_computed_anew():
    assert is_superseded("woodruff/effective-n=21.66,29.31/cluster")


def test_degrees_that_are_all_1_are_no_successes():
    same = {"clusters": None, "strata": None, "seed": 0, "bounds": (0, 1)}
    assert sampling_interval(np.ones(50), **same).bounds is not None
    graded = sampling_interval(np.ones(50), **same, graded=True)
    assert graded.bounds is None
    assert graded.method == "none: the 50 items have one value, 1"
