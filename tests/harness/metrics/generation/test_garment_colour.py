"""The correlation of mean colours: numpy's, a known interval, clusters, and a whole cell of try-on."""

from __future__ import annotations

import numpy as np
import pytest
from cached_twin import cached_twin
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit

from fashionbench import api
from fashionbench.errors import MetricError
from fashionbench.metrics.generation.garment_colour import correlation, mean_colour


def pairs(count, slope, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(0, 255, count)
    return slope * truth + rng.normal(0, 40, count), truth


def test_the_mean_colour_is_that_of_the_pixels_within_the_mask():
    image = np.zeros((2, 3, 3), dtype=np.uint8)
    image[0, 0], image[1, 2] = (255, 10, 1), (245, 30, 0)
    inside = np.zeros((2, 3), dtype=bool)
    inside[0, 0] = inside[1, 2] = True
    assert mean_colour(image, inside, "a").tolist() == [250, 20, 0.5]
    with pytest.raises(MetricError, match="mask of person-7 covers no pixel"):
        mean_colour(image, ~(inside | True), "person-7")


@given(st.integers(3, 60), st.floats(-1, 1), st.integers(0, 99))
def test_the_correlation_is_that_of_numpy_in_any_order(count, slope, seed):
    made, truth = pairs(count, slope, seed)
    expected = np.corrcoef(made, truth)[0, 1]
    value, influences, _ = correlation(made, truth, range(count))
    assert value == pytest.approx(expected, abs=1e-9)
    order = np.random.default_rng(seed).permutation(count)
    again, moved, _ = correlation(made[order], truth[order], range(count))
    assert again == pytest.approx(value, abs=1e-9)
    np.testing.assert_allclose(moved, influences[order], atol=1e-9)


def test_the_interval_leaves_one_person_out_at_a_time_with_all_images_of_it():
    made, truth = pairs(120, 0.5)
    persons = np.arange(120) % 60
    value, influences, interval = correlation(made, truth, persons.tolist())
    left_out = np.array([np.corrcoef(made[persons != p], truth[persons != p])[0, 1] for p in range(60)])
    np.testing.assert_allclose(influences, 59 / 60 * (left_out.mean() - left_out), atol=1e-12)
    scores = np.arctanh(left_out)
    error = np.sqrt(59 / 60 * ((scores - scores.mean()) ** 2).sum())
    half = stdtrit(59, 0.975) * error
    expected = np.tanh([np.arctanh(value) - half, np.arctanh(value) + half])
    np.testing.assert_allclose(interval.bounds, expected, atol=1e-9)
    assert interval.method == "jackknife over 60, Student's t of Fisher's z"


def test_the_interval_holds_the_truth_as_often_as_it_says():
    # Of two normal variables with correlation 0.6.
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        truth = rng.normal(size=70)
        made = 0.6 * truth + 0.8 * rng.normal(size=70)
        low, high = correlation(made, truth, range(70))[2].bounds
        held += low <= 0.6 <= high
    assert 0.92 <= held / 400 <= 0.98


@pytest.mark.parametrize(
    ("made", "truth", "message"),
    [
        ([5.0, 5, 5, 5], [1.0, 2, 3, 4], "all generated images have one colour"),
        ([1.0, 2, 3, 4], [7.0, 7, 7, 7], "all true images have one colour"),
        ([1.0, 2], [1.0, 2], "a correlation over 2 persons"),
    ],
)
def test_what_has_no_correlation_is_no_zero(made, truth, message):
    with pytest.raises(MetricError, match=message):
        correlation(np.array(made), np.array(truth), range(len(made)))


def test_few_persons_and_one_that_alone_varies_have_no_interval():
    made, truth = pairs(12, 0.5)
    value, influences, interval = correlation(made, truth, range(12))
    assert interval.bounds is None and "12 units are fewer than" in interval.method
    assert influences.any() and -1 < value < 1
    alone = np.array([1.0, 0, 0, 0])
    value, influences, interval = correlation(alone, np.array([3.0, 1, 2, 1]), range(4))
    assert (influences.any(), interval.bounds) == (False, None)
    assert "without one of the persons a side does not vary" in interval.method


@pytest.mark.slow
def test_the_oracle_correlates_wholly_and_who_copies_the_person_less(pytestconfig, plugins, store):
    fields = {"tasks": "atelier/viton-hd-unpaired", "backends": ["control/oracle-image", "control/copy-person"]}
    oracle, copied = api.run({**fields, "data": {"atelier": cached_twin(pytestconfig)}}, plugins=plugins, store=store)
    for channel in ("red", "green", "blue"):
        name = f"garment-colour-correlation-{channel}"
        assert oracle.metric(name).value == pytest.approx(1)
        assert copied.metric(name).value < 0.98
        assert oracle.metric(name).n == copied.metric(name).n > 3
