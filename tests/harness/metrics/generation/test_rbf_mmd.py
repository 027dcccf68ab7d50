"""CMMD's estimate against its double sum, and against the published constants."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fashionbench.errors import MetricError
from fashionbench.metrics.generation import rbf_mmd
from fashionbench.metrics.generation.rbf_mmd import gaussian_mmd


def by_pairs(one, two):
    """The mean over all pairs, one at a time."""

    def mean(left, right):
        kernels = [math.exp(-sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) / 200) for x in left for y in right]
        return math.fsum(kernels) / len(kernels)

    one, two = ([row / np.linalg.norm(row) for row in side] for side in (one, two))
    return 1000 * (mean(one, one) + mean(two, two) - 2 * mean(one, two))


@pytest.mark.parametrize("block", [3, 1024])
def test_it_is_the_double_sum_in_blocks_of_any_size(block, monkeypatch):
    monkeypatch.setattr(rbf_mmd, "_ROWS", block)
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(8, 5)), rng.normal(size=(11, 5)) + 0.4
    assert gaussian_mmd(one, two) == pytest.approx(by_pairs(one, two), rel=1e-9)
    assert gaussian_mmd(one, two) == pytest.approx(gaussian_mmd(two, one), rel=1e-9)


def test_opposite_images_have_the_value_of_the_formula():
    """Of length one and opposite: |x - y|² = 4, and 4 / 200 = 0.02."""
    assert gaussian_mmd([[3.0, 0.0]], [[-0.5, 0.0]]) == pytest.approx(2000 * (1 - math.exp(-0.02)), rel=1e-12)


def test_equal_sets_are_at_exactly_zero_and_lengths_do_not_count():
    rows = np.random.default_rng(1).normal(size=(30, 7)).astype(np.float32)
    assert gaussian_mmd(rows, rows) == 0
    assert gaussian_mmd(rows, 4 * rows) == 0


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), "of 3 and 4 dimensions"),
        (np.zeros((2, 3)), np.ones((2, 3)), "zero or not finite"),
        (np.full((2, 3), np.nan), np.ones((2, 3)), "zero or not finite"),
        (np.ones((0, 3)), np.ones((2, 3)), "no images"),
    ],
)
def test_what_cannot_be_compared_is_refused(one, two, said):
    with pytest.raises(MetricError, match=said):
        gaussian_mmd(one, two)
