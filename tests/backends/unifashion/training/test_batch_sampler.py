"""Which examples a step learns from."""

from __future__ import annotations

from collections import Counter

import pytest

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

from hypothesis import given
from hypothesis import strategies as st

from fashionbench_unifashion.training.batch_sampler import batch_of, number, order


@given(st.integers(1, 40), st.integers(1, 50), st.integers(1, 4), st.integers(0, 3))
def test_every_pass_has_every_example_once(count, size, passes, seed):
    examples = list(range(count))
    steps = -(-passes * count // size)
    drawn = [example for step in range(steps) for example in batch_of(examples, step, size, seed, "1a")]
    assert len(drawn) == steps * size
    for start in range(0, len(drawn) - count + 1, count):
        assert Counter(drawn[start : start + count]) == Counter(examples)


@given(st.integers(2, 30), st.integers(1, 9), st.integers(0, 50))
def test_a_step_does_not_depend_on_the_steps_before(count, size, step):
    examples = [f"example {at}" for at in range(count)]
    order(count, 3, "1a", 0)
    assert batch_of(examples, step, size, 3, "1a") == batch_of(tuple(examples), step, size, 3, "1a")


def test_passes_phases_and_seeds_have_orders_of_their_own():
    orders = {tuple(order(50, *which)) for which in [(0, "1a", 0), (0, "1a", 1), (0, "2", 0), (1, "1a", 0)]}
    assert len(orders) == 4
    assert all(sorted(one) == list(range(50)) for one in orders)


def test_numbers_are_those_of_every_machine():
    # The first 8 bytes of SHA-256 of "0/1a/epoch/0", without their two lowest bits.
    assert number(0, "1a", "epoch", 0) == 0x4043_39ED_DF28_3175 >> 2
    assert number("a/b") == number("a", "b") != number("ab")
