"""Distances between sets that show the same persons: which pairs count, and how far a value may be off."""

from __future__ import annotations

import numpy as np
import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation import metrics
from fashionbench.metrics.generation.frechet import frechet_of_features, standard_error
from fashionbench.metrics.generation.kernel_mmd import kernel_distance, off_diagonal_distance
from fashionbench.metrics.generation.persons import Persons, persons_of
from fashionbench.predictions.images import ImageRow, images_table
from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.jackknife import jackknife_interval


def matched(n):
    return Persons(np.arange(n), np.arange(n))


def photos(n, d=16, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) * np.linspace(1.5, 0.2, d)


def try_on(real, shift=0.1, noise=0.4, seed=1):
    """Other clothes on the same persons."""
    return real + shift + noise * np.random.default_rng(seed).normal(size=real.shape)


def kernel(a, b):
    return (a @ b.T / a.shape[1] + 1) ** 3


def gretton(x, y):
    """Equation 4: the mean over i != j of k(x, x') + k(y, y') - k(x, y') - k(x', y)."""
    n, total = len(x), 0.0
    for i in range(n):
        for j in range(n):
            if i != j:
                a, b = slice(i, i + 1), slice(j, j + 1)
                total += (kernel(x[a], x[b]) + kernel(y[a], y[b]) - kernel(x[a], y[b]) - kernel(x[b], y[a])).item()
    return total / (n * (n - 1))


def test_off_the_diagonal_it_is_the_estimator_of_gretton():
    real = photos(14)
    made = try_on(real)
    assert off_diagonal_distance(made, real, matched(14)).value == pytest.approx(gretton(made, real), rel=1e-10)


@pytest.mark.parametrize("count", [3, 40, 1100])
def test_equal_sets_are_at_0_without_an_error_and_kid_is_below_0(count):
    real = photos(count).astype(np.float32)
    assert off_diagonal_distance(real, real, matched(count)) == (0.0, 0.0)
    assert kernel_distance(real, real).value < 0


def test_without_a_person_on_both_sides_it_is_the_full_estimate():
    one, two = photos(30), photos(41, seed=3) + 0.2
    found = off_diagonal_distance(one, two, Persons.apart(30, 41))
    assert found.value == pytest.approx(kernel_distance(one, two).value, rel=1e-10)
    assert found.error == pytest.approx(kernel_distance(one, two).error, rel=0.1)


def test_several_images_of_a_person_are_no_pairs():
    real, persons = photos(9), Persons(np.array([0, 0, 1, 2, 3, 4, 4, 5, 8]), np.array([0, 1, 2, 3, 4, 5, 6, 7, 7]))
    made = try_on(real)

    def mean(left, right, a, b):
        values = [
            kernel(x[None], y[None]).item()
            for x, p in zip(left, a, strict=True)
            for y, q in zip(right, b, strict=True)
            if p != q
        ]
        return np.mean(values)

    expected = mean(made, made, persons.made, persons.made) + mean(real, real, persons.real, persons.real)
    expected -= 2 * mean(made, real, persons.made, persons.real)
    found = off_diagonal_distance(made, real, persons)
    assert found.value == pytest.approx(expected, rel=1e-10)
    without = []
    for person in np.unique(np.r_[persons.made, persons.real]):
        a, b = persons.made != person, persons.real != person
        without.append(off_diagonal_distance(made[a], real[b], Persons(persons.made[a], persons.real[b])).value)
    count = len(without)
    assert count == persons.count == 9
    assert found.error == pytest.approx(np.sqrt((count - 1) * np.var(without)), rel=1e-9)


def test_the_error_of_pairs_is_the_spread_over_replicates():
    values, errors = [], []
    for seed in range(120):
        real = photos(60, seed=seed)
        found = off_diagonal_distance(try_on(real, seed=1000 + seed), real, matched(60))
        values.append(found.value)
        errors.append(found.error)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(values, ddof=1), rel=0.25)


def test_two_persons_are_too_few():
    with pytest.raises(MetricError, match="three persons, not 2"):
        off_diagonal_distance(photos(2), photos(2), matched(2))


def test_an_interval_needs_forty_units_and_an_error():
    assert jackknife_interval(1.0, 0.1, 41).bounds == pytest.approx((1 - 0.1 * 2.0210754, 1 + 0.1 * 2.0210754))
    assert isinstance(jackknife_interval(1.0, 0.1, 39), NoInterval)
    assert isinstance(jackknife_interval(0.0, 0.0, 500), NoInterval)


def spread(draw, replicates=80):
    """The deviation of the distance over replicates, and the mean of its errors."""
    found, errors = [], []
    for seed in range(replicates):
        made, real, persons = draw(seed)
        found.append(frechet_of_features(made, real))
        errors.append(standard_error(made, real, persons))
    return np.std(found, ddof=1), np.sqrt(np.mean(np.square(errors)))


def test_the_error_of_matched_persons_is_the_spread_over_replicates():
    def draw(seed):
        real = photos(300, seed=seed)
        return try_on(real, 0.3, seed=1000 + seed), real, matched(300)

    found, error = spread(draw)
    assert error == pytest.approx(found, rel=0.25)
    # What the sides have in common cancels: without it the error would be several times as large.
    made, real, persons = draw(0)
    assert standard_error(made, real, Persons.apart(300, 300)) > 2 * standard_error(made, real, persons)


def test_a_small_real_side_counts_with_its_own_influence():
    def draw(seed):
        return photos(2000, seed=seed) + 0.5, photos(100, seed=5000 + seed), Persons.apart(2000, 100)

    found, error = spread(draw)
    assert error == pytest.approx(found, rel=0.25)


def test_a_collapsed_side_varies_by_the_other():
    def draw(seed):
        return np.zeros((200, 16)), photos(200, seed=seed), Persons.apart(200, 200)

    found, error = spread(draw)
    assert error == pytest.approx(found, rel=0.25)


@pytest.mark.parametrize(
    ("made", "real", "persons", "reason"),
    [
        (photos(200), photos(200), matched(200), "influence of images on the distance vanishes"),
        (np.zeros((60, 16)), np.ones((60, 16)), Persons.apart(60, 60), "influence of images on the distance vanishes"),
        (photos(8), photos(200, seed=4), Persons.apart(8, 200), "8 persons on a side are fewer than 50"),
        (photos(60), photos(60, seed=4), Persons.apart(60, 60), "% of the distance comes from the number of images"),
        (photos(100), photos(100, seed=4) + 0.3, Persons.apart(100, 100), "41% of the distance comes from the number"),
    ],
)
def test_where_the_error_would_say_nothing_there_is_none(made, real, persons, reason):
    assert reason in standard_error(made, real, persons).method


def test_where_a_quarter_of_the_distance_comes_from_the_number_of_images_there_is_an_error():
    assert isinstance(standard_error(photos(200), photos(200, seed=4) + 0.3, Persons.apart(200, 200)), float)


def table(clusters, real, ids=None):
    sides = [(ids or [f"{c}_x{i}" for i, c in enumerate(clusters)], clusters, "generated"), (real, real, "real")]
    rows = [
        ImageRow(item_id=item, slice="all", cluster=cluster, side=side, width=2, height=2, pixels="")
        for names, persons, side in sides
        for item, cluster in zip(names, persons, strict=True)
    ]
    return images_table(rows)


def test_persons_are_read_from_clusters():
    persons = persons_of(table(["b", "a", "a"], ["a", "b", "c"]))
    assert (persons.made.tolist(), persons.real.tolist()) == ([1, 0, 0], [0, 1, 2])
    assert (persons.count, persons.on_both_sides) == (3, 2)


def test_predictions_of_before_that_name_no_person_are_refused():
    with pytest.raises(MetricError, match="do not say whom each image shows"):
        persons_of(table(["a_1", "b_2"], ["a", "b"], ids=["a_1", "b_2"]))


class Images:
    """Gives metrics the features of two sides."""

    def __init__(self, made, real):
        self.sides = {"generated": made, "real": real}
        self.fingerprint = "sha256:0"

    def extractor(self, name):
        return self

    def features(self, name, side):
        return self.sides[side]


def measured(metric, made, real, clusters=None):
    names = [f"p{i:03d}" for i in range(len(real))]
    arguments = MetricArguments((), {}, Images(made, real))
    return metric(table(clusters or names[: len(made)], names), arguments)


def test_kid_of_the_same_persons_says_that_it_is_biased_and_has_no_interval():
    real = photos(40)
    kid, pairs = (measured(m, try_on(real), real) for m in (metrics.kid, metrics.kid_off_diagonal))
    assert (kid.interval, kid.method) == (None, "none: biased by 40 persons on both sides, 40 against 40")
    assert kid.value < pairs.value
    assert pairs.interval[0] < pairs.value < pairs.interval[1]


def test_fid_has_a_standard_error_and_no_interval():
    real = photos(400)
    fid = measured(metrics.fid, try_on(real, 0.3), real)
    assert fid.interval is None
    assert 0 < fid.standard_error < fid.value
    assert "n below 10,000" in fid.method
    same = measured(metrics.fid, real, real)
    assert (same.standard_error, "vanishes" in same.method) == (None, True)
