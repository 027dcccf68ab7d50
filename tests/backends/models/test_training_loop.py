"""The training loop: batches, rates, clipping, budgets, and what it does with a loss that is no number."""

from __future__ import annotations

import itertools
import math

import pytest

from fashionbench.errors import BackendError

torch = pytest.importorskip("torch")

from fashionbench_models.training.loop import optimise  # noqa: E402
from fashionbench_models.training.recipe import Budget  # noqa: E402


def run(recipe, loss_of, *, count=100, start=0.0):
    """Train one number, and return where it was before each step and at the end."""
    weight = torch.nn.Parameter(torch.tensor(start, dtype=torch.float64))
    seen = []

    def loss(rows):
        seen.append((float(weight.detach()), rows.tolist()))
        return loss_of(weight, len(seen) - 1)

    steps = optimise([weight], count, loss, recipe, lambda _: None)
    return [place for place, _ in seen] + [float(weight.detach())], [rows for _, rows in seen], steps


def test_the_rate_rises_for_a_tenth_of_the_steps_and_falls_as_a_cosine():
    """A gradient that is clipped to norm 1 moves Adam by the rate alone, however large it was."""
    recipe = Budget(steps=40, learning_rate=0.01, weight_decay=0.0)
    places, _, steps = run(recipe, lambda weight, step: -weight * (50.0 if step < 3 else 2.0 + step))
    expected = [min((at + 1) / 4, 0.5 * (1 + math.cos(math.pi * at / 40))) for at in range(40)]
    moved = [after - before for before, after in itertools.pairwise(places)]
    assert steps == 40
    assert moved == pytest.approx([0.01 * rate for rate in expected], rel=1e-5)


def test_each_step_has_its_own_gradient_and_moves_as_adam_does():
    signs = [1.0 if at % 3 else -1.0 for at in range(20)]
    recipe = Budget(steps=20, learning_rate=0.01, weight_decay=0.0)
    places, _, _ = run(recipe, lambda weight, step: weight * 1.2 * signs[step])
    first = second = place = 0.0
    for at, gradient in enumerate(signs):
        first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
        rate = 0.01 * min((at + 1) / 2, 0.5 * (1 + math.cos(math.pi * at / 20)))
        place -= rate * (first / (1 - 0.9 ** (at + 1))) / (math.sqrt(second / (1 - 0.999 ** (at + 1))) + 1e-8)
        assert places[at + 1] == pytest.approx(place, abs=1e-7), at


def test_weights_decay():
    recipe = Budget(steps=10, learning_rate=0.1, weight_decay=0.5)
    places, _, _ = run(recipe, lambda weight, _: weight * 0.0, start=2.0)
    rates = [0.1 * min(at + 1, 0.5 * (1 + math.cos(math.pi * at / 10))) for at in range(10)]
    assert places[-1] == pytest.approx(2.0 * math.prod(1 - 0.5 * rate for rate in rates), rel=1e-9)


def test_batches_are_drawn_anew_without_repetition_by_the_seed():
    def batches(seed):
        return run(Budget(steps=6, batch_size=30, seed=seed), lambda weight, _: weight)[1]

    first = batches(0)
    assert all(len(rows) == len(set(rows)) == 30 and set(rows) < set(range(100)) for rows in first)
    assert len({tuple(rows) for rows in first}) == 6
    assert len({row for rows in first for row in rows}) > 60
    assert first == batches(0) != batches(1)
    assert [len(rows) for rows in run(Budget(steps=2, batch_size=300), lambda weight, _: weight)[1]] == [100, 100]


def test_a_spent_budget_ends_it_before_the_next_step():
    assert run(Budget(steps=50, seconds=1e-9), lambda weight, _: weight)[2] == 0


def test_a_loss_that_is_no_number_ends_it_before_the_weights_are_lost():
    with pytest.raises(BackendError, match="diverged at step 4"):
        run(Budget(steps=9), lambda weight, step: weight * (math.nan if step == 3 else 1.0))
