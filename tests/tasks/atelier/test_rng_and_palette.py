from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench_atelier.world.palette import COLOURS, colour_distance, lab, nearest
from fashionbench_atelier.world.rng import Rng


def test_the_stream_of_a_seed_and_a_key_never_changes() -> None:
    rng = Rng(7, "product", 3)
    assert [rng.below(1000) for _ in range(5)] == [
        Rng(7, "product", 3).below(1000),
        *[dice_after(k) for k in (1, 2, 3, 4)],
    ]
    assert rng.chance(1.0)
    assert not rng.chance(0.0)


def dice_after(skipped: int) -> int:
    rng = Rng(7, "product", 3)
    for _ in range(skipped):
        rng.chance(0.5)
    return rng.below(1000)


def test_keys_are_not_confused_when_their_parts_run_together() -> None:
    draws = {Rng(1, *key).below(10**9) for key in ((1, 23), (12, 3), ("1", "2", "3"), ("123",))}
    assert len(draws) == 4


@given(st.integers(), st.floats(-5, 5), st.floats(0.01, 3))
def test_around_stays_within_three_spreads(seed: int, centre: float, spread: float) -> None:
    value = Rng(seed, "x").around(centre, spread)
    assert centre - 3 * spread - 1e-9 <= value <= centre + 3 * spread + 1e-9


def test_weighted_follows_the_weights() -> None:
    rng = Rng(0, "weights")
    counts = Counter(rng.weighted({"a": 3, "b": 1, "never": 0}) for _ in range(4000))
    assert counts["never"] == 0
    # Four standard deviations of a binomial of 4,000 draws at 3/4.
    assert abs(counts["a"] - 3000) < 4 * math.sqrt(4000 * 0.75 * 0.25)


@given(st.integers(), st.lists(st.integers(), unique=True, max_size=12), st.integers(0, 15))
def test_sample_draws_different_options(seed: int, options: list[int], count: int) -> None:
    drawn = Rng(seed, "s").sample(options, count)
    assert len(drawn) == len(set(drawn)) == min(count, len(options))
    assert set(drawn) <= set(options)
    assert sorted(Rng(seed, "s").shuffled(options)) == sorted(options)


@pytest.mark.parametrize(
    ("rgb", "expected"),
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        # Published CIELAB values of the sRGB primaries under D65.
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
    ],
)
def test_lab_of_known_colours(rgb: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    assert np.allclose(lab(rgb), expected, atol=0.05)


def test_named_colours_are_at_least_20_apart_and_their_own_nearest() -> None:
    names = list(COLOURS)
    assert min(colour_distance(a, b) for i, a in enumerate(names) for b in names[:i]) > 20
    assert [nearest(rgb) for rgb in COLOURS.values()] == names
