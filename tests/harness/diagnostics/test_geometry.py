"""Geometry of embeddings against scipy and values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from fashionbench.diagnostics import geometry

RNG = np.random.default_rng(3)


def test_the_distance_of_a_pair_is_two_less_twice_the_cosine_of_unit_vectors():
    one, two = geometry.unit(RNG.normal(size=(5, 4))), geometry.unit(RNG.normal(size=(5, 4)))
    assert geometry.squared_distances(one, two) == pytest.approx(2 - 2 * (one * two).sum(axis=1))


def test_uniformity_is_the_log_of_the_mean_kernel_of_pairs():
    rows = geometry.unit(RNG.normal(size=(30, 6)))
    assert geometry.uniformity(rows) == pytest.approx(np.log(np.exp(-2 * pdist(rows, "sqeuclidean")).mean()))


def test_equal_rows_have_no_uniformity_no_rank_and_one_direction_for_all_queries():
    rows = np.tile(geometry.unit(RNG.normal(size=(1, 6))), (9, 1))
    assert geometry.uniformity(rows) == pytest.approx(0)
    assert geometry.effective_rank(rows) == 0
    assert geometry.query_similarity(rows[None]) == pytest.approx(1)
    assert geometry.query_rank(rows[None]) == pytest.approx(1)


@pytest.mark.parametrize("axes", [2, 3, 5])
def test_as_many_directions_of_equal_spread_as_there_are_axes_have_that_rank(axes):
    rows = np.vstack([np.eye(axes), -np.eye(axes)]) @ np.linalg.qr(RNG.normal(size=(axes, axes)))[0]
    assert geometry.effective_rank(rows + 7) == pytest.approx(axes)
    assert geometry.query_rank(np.eye(axes)[None]) == pytest.approx(axes)


def test_the_rank_of_unequal_directions_is_the_exponential_of_their_entropy():
    rows = np.array([[3.0, 0], [-3.0, 0], [0, 1.0], [0, -1.0]])
    assert geometry.effective_rank(rows) == pytest.approx(np.exp(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25))))


def test_the_gap_is_the_distance_of_the_means():
    assert geometry.modality_gap(np.array([[0.0, 0], [2, 0]]), np.array([[1.0, 3], [1, 5]])) == pytest.approx(4)


def test_the_similarity_of_queries_leaves_each_with_itself_out():
    vectors = np.array([[[1.0, 0], [0, 2.0]], [[1.0, 0], [-1.0, 0]]])
    assert geometry.query_similarity(vectors) == pytest.approx([0, -1])


def test_a_zero_vector_stays_one():
    assert geometry.unit(np.zeros((1, 3))).tolist() == [[0, 0, 0]]
