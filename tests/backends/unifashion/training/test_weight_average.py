"""The moving average of weights, by hand."""

from __future__ import annotations

import pytest

pytest.importorskip("diffusers", reason="needs the optional dependencies fashionbench[models]")

import torch
from torch import nn

from fashionbench_unifashion.training.weight_average import WeightAverage


def moved(average, weight, values):
    for value in values:
        with torch.no_grad():
            weight.fill_(value)
        average.update()


def test_it_is_the_moving_average_with_a_short_memory_at_first():
    weight = nn.Parameter(torch.tensor([1.0]))
    average, expected = WeightAverage({"w": weight}, 0.5), 1.0
    for step, value in enumerate((3.0, 5.0, 9.0, 2.0), start=1):
        moved(average, weight, [value])
        # The first step has no memory; from the second on it is (1 + n) / (10 + n) after n earlier ones, at most 0.5.
        decay = min((1 + step - 1) / (10 + step - 1), 0.5) if step > 1 else 0.0
        expected = decay * expected + (1 - decay) * value
    with average.applied():
        assert weight.item() == pytest.approx(expected, rel=1e-6)
    assert weight.item() == 2.0


def test_it_goes_on_from_its_state():
    one, two = (nn.Parameter(torch.tensor([1.0, 2.0])) for _ in range(2))
    whole, first = WeightAverage({"w": one}, 0.9), WeightAverage({"w": two}, 0.9)
    moved(whole, one, [2.0, 3.0, 7.0])
    moved(first, two, [2.0])
    again = WeightAverage({"w": two}, 0.9)
    again.load(first.state())
    moved(again, two, [3.0, 7.0])
    with whole.applied(), again.applied():
        assert torch.equal(one, two)


def test_without_a_decay_nothing_is_kept():
    weight = nn.Parameter(torch.tensor([1.0]))
    average = WeightAverage({"w": weight}, 0.0)
    moved(average, weight, [5.0])
    with average.applied():
        assert weight.item() == 5.0
    assert average.state() is None
