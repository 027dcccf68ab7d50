from __future__ import annotations

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fashionbench_baselines.controls.unit_vectors import uniform, unit_vector


@given(st.integers(1, 300), st.lists(st.one_of(st.text(), st.integers()), max_size=4))
def test_a_unit_vector_has_norm_one_for_every_key(dimension: int, key: list[str | int]) -> None:
    vector = unit_vector(dimension, *key)
    assert vector.shape == (dimension,)
    assert np.isclose(np.linalg.norm(vector.astype(np.float64)), 1, atol=1e-6)


def test_the_key_is_not_only_its_concatenation() -> None:
    assert not np.array_equal(unit_vector(8, "ab", "c"), unit_vector(8, "a", "bc"))
    assert not np.array_equal(unit_vector(8, 1), unit_vector(8, "1"))


def test_uniform_draws_follow_the_uniform_distribution() -> None:
    draws = uniform(20_000, "sample", 7)
    assert draws.min() > 0
    assert draws.max() <= 1
    assert stats.kstest(draws, "uniform").pvalue > 0.01


def test_coordinates_follow_the_uniform_distribution_on_the_sphere() -> None:
    # Of a uniform point of the sphere in D dimensions, (x + 1) / 2 is Beta((D - 1) / 2, (D - 1) / 2).
    dimension = 7
    sample = np.stack([unit_vector(dimension, "sphere", number) for number in range(4000)])
    law = stats.beta((dimension - 1) / 2, (dimension - 1) / 2)
    for column in sample.T:
        assert stats.kstest((column.astype(np.float64) + 1) / 2, law.cdf).pvalue > 0.001


def test_the_stream_is_fixed_by_the_hash_and_not_by_numpy() -> None:
    # SHAKE-256 of '["fixed", 1]', first eight bytes, little-endian, shifted by 11 bits.
    word = int.from_bytes(hashlib.shake_256(b'["fixed", 1]').digest(8), "little") >> 11
    assert uniform(3, "fixed", 1)[0] == (word + 1) / 2**53
