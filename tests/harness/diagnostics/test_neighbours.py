"""Neighbours and alignment of representations against scipy, scikit-learn and other forms of the formulas."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors

from fashionbench.diagnostics.kernel_alignment import linear_cka
from fashionbench.diagnostics.neighbours import hubness, mutual_neighbours, occurrences

RNG = np.random.default_rng(5)


def test_hubness_is_the_skewness_of_how_often_a_candidate_is_near():
    scores = RNG.normal(size=(40, 25)) + np.linspace(0, 2, 25)
    counts = np.zeros(25)
    for row in scores:
        counts[np.argsort(row)[-5:]] += 1
    assert occurrences(scores, 5).tolist() == counts.tolist()
    assert hubness(scores, 5) == pytest.approx(skew(counts))


def test_candidates_that_are_asked_for_alike_are_no_hubs():
    assert hubness(np.eye(8), 1) == 0


def test_mutual_neighbours_agree_with_a_search_by_scikit_learn():
    one = RNG.normal(size=(50, 4))
    one /= np.linalg.norm(one, axis=1, keepdims=True)
    two = one + 0.5 * RNG.normal(size=one.shape)
    two /= np.linalg.norm(two, axis=1, keepdims=True)
    # Of unit vectors the nearest are those with the highest inner product; the first one is the item itself.
    near = [NearestNeighbors(n_neighbors=6).fit(rows).kneighbors(rows)[1][:, 1:] for rows in (one, two)]
    shared = [len(set(a) & set(b)) / 5 for a, b in zip(*near, strict=True)]
    assert mutual_neighbours(one, two, 5) == pytest.approx(shared)
    assert mutual_neighbours(one, one, 5) == pytest.approx(1)


def test_alignment_is_that_of_the_form_by_features_and_knows_no_turn_and_no_scale():
    one, two = RNG.normal(size=(20, 5)), RNG.normal(size=(20, 3))
    a, b = one - one.mean(0), two - two.mean(0)
    other = np.linalg.norm(b.T @ a) ** 2 / (np.linalg.norm(a.T @ a) * np.linalg.norm(b.T @ b))
    assert linear_cka(one, two) == pytest.approx(other)
    turn = np.linalg.qr(RNG.normal(size=(5, 5)))[0]
    assert linear_cka(one, 3 * one @ turn + 1) == pytest.approx(1)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_what_is_the_same_for_all_items_is_aligned_with_nothing(constant):
    assert linear_cka(np.full((12, 4), constant), RNG.normal(size=(12, 4))) == 0
