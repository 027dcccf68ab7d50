from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments
from fashionbench.metrics.generation.frechet import Moments, frechet_distance, frechet_of_features
from fashionbench.metrics.generation.kernel_mmd import kernel_distance, subset_distance
from fashionbench.metrics.outfits.roc_auc import roc_auc, scored_table
from fashionbench.statistics.roc import placements


def two_sets(n, d=24, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.normal(size=(d, d)) / np.sqrt(d)
    return rng.normal(size=(n, d)) @ mix + 0.1, rng.normal(size=(n + 5, d)) @ mix


@pytest.mark.parametrize("n", [12, 200])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_frechet_distance_is_that_of_clean_fid(n):
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid, which it is compared with")
    one, two = two_sets(n)
    sides = [(s.mean(axis=0), np.cov(s, rowvar=False)) for s in (one, two)]
    expected = fid.frechet_distance(*sides[0], *sides[1])
    assert frechet_of_features(one, two) == pytest.approx(expected, rel=1e-4)
    assert frechet_distance(Moments.of([one[:5], one[5:]]), Moments.of([two])) == pytest.approx(expected, rel=1e-4)


def test_the_frechet_distance_of_gaussians_with_known_moments():
    one = Moments(10, np.zeros(3), 9 * np.diag([1.0, 4.0, 9.0]))
    two = Moments(10, np.array([1.0, 2.0, 2.0]), 9 * np.diag([4.0, 1.0, 9.0]))
    assert frechet_distance(one, two) == pytest.approx(9 + (1 - 2) ** 2 + (2 - 1) ** 2)


def test_equal_sets_are_at_zero():
    one, _ = two_sets(50)
    assert frechet_of_features(one, one) == pytest.approx(0, abs=1e-9)
    assert frechet_of_features(one[:10], one[:10]) == pytest.approx(0, abs=1e-9)


def test_merging_loses_nothing_when_the_mean_is_large():
    rows = np.random.default_rng(0).normal(size=(600, 4)) + 1e6
    np.testing.assert_allclose(Moments.of(np.array_split(rows, 7)).covariance, np.cov(rows, rowvar=False), rtol=1e-7)


def test_the_kernel_distance_is_that_of_clean_fid_and_its_error_is_right():
    fid = pytest.importorskip("cleanfid.fid", reason="clean-fid, which it is compared with")
    one, two = two_sets(60)
    # With one subset as large as the sets clean-fid's estimate is the full one.
    expected = fid.kernel_distance(one, two[:60], num_subsets=1, max_subset_size=60)
    assert kernel_distance(one, two[:60]).value == pytest.approx(expected, rel=1e-6)
    rng = np.random.default_rng(2)
    found = [kernel_distance(rng.normal(size=(150, 6)) + 0.2, rng.normal(size=(150, 6))) for _ in range(150)]
    assert np.mean([f.error for f in found]) == pytest.approx(np.std([f.value for f in found], ddof=1), rel=0.3)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("counts", [(2, 2), (1024, 1025), (1030, 2100)])
def test_in_blocks_the_kernel_distance_is_that_of_whole_matrices(counts, threads):
    rng = np.random.default_rng(3)
    one, two = (rng.normal(size=(count, 5)) + shift for count, shift in zip(counts, (0.1, 0), strict=True))
    own_one, own_two, across = ((a @ b.T / 5 + 1) ** 3 for a, b in ((one, one), (two, two), (one, two)))
    m, n = counts
    inner_one, inner_two = ((k.sum(axis=1) - np.diag(k)) / (len(k) - 1) for k in (own_one, own_two))
    spread_one = (inner_one - across.mean(axis=1)).var(ddof=1)
    spread_two = (inner_two - across.mean(axis=0)).var(ddof=1)
    found = kernel_distance(one, two, threads=threads)
    assert found.value == pytest.approx(inner_one.mean() + inner_two.mean() - 2 * across.mean(), rel=1e-11)
    assert found.error == pytest.approx(2 * np.sqrt(spread_one / m + spread_two / n), rel=1e-11)


def test_subsets_are_seeded_and_never_shrunk():
    one, two = two_sets(60)
    assert subset_distance(one, two, 3, 5, 40) == subset_distance(one, two, 3, 5, 40)
    assert subset_distance(one, two, 3, 5, 40) != subset_distance(one, two, 4, 5, 40)
    with pytest.raises(MetricError, match="subsets of 1000"):
        subset_distance(one, two, 0)


@pytest.mark.parametrize(
    "sides",
    [
        (np.ones((1, 3)), np.ones((5, 3))),
        (np.full((4, 3), np.nan), np.ones((4, 3))),
        (np.ones((4, 2)), np.ones((4, 3))),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(sides):
    with pytest.raises(MetricError):
        kernel_distance(*sides)
    with pytest.raises(MetricError):
        frechet_distance(Moments.of([sides[0]]), Moments.of([sides[1]]))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=8), st.lists(st.integers(0, 4), min_size=1, max_size=8))
def test_placements_count_pairs(scores, others):
    expected = [np.mean([(s > o) + 0.5 * (s == o) for o in others]) for s in scores]
    np.testing.assert_allclose(placements(np.array(scores, float), np.array(others, float)), expected)


def test_the_area_under_the_curve_is_that_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics", reason="scikit-learn, which it is compared with")
    rng = np.random.default_rng(0)
    labels, scores = rng.random(200) < 0.4, rng.integers(0, 20, 200) / 20
    outcome = roc_auc(
        scored_table([str(i) for i in range(200)], labels.tolist(), scores.tolist()), MetricArguments((), {})
    )
    assert outcome.value == pytest.approx(metrics.roc_auc_score(labels, scores))
    assert outcome.interval[0] < outcome.value < outcome.interval[1]
    with pytest.raises(MetricError, match="both labels"):
        roc_auc(scored_table(["a"], [True], [0.5]), MetricArguments((), {}))
