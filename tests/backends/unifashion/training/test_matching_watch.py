"""A training says in words when its loss of matching is that of saying the same of every pair."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("torch", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.losses import matching_prior
from fashionbench_unifashion.training.matching_watch import STEPS, MatchingWatch


def told(losses, validations):
    """What is said, where each loss is that of a step and a validation follows some of them."""
    said, passed = [], []
    watch = MatchingWatch("1a", lambda step, values: passed.append(step), said.append)
    for step, loss in enumerate(losses, start=1):
        watch(step, {"itc": 1.0} if loss is None else {"itc": 1.0, "itm": loss})
        if step in validations:
            watch(step, {"held/score": 0.5})
    assert len(passed) == len(losses) + len(validations)
    return said


def test_the_entropy_is_that_of_one_matched_pair_to_two_mismatched_ones():
    assert -math.log(1 / 3) / 3 - 2 / 3 * math.log(2 / 3) == pytest.approx(matching_prior.PRIOR_ENTROPY)
    assert f"{matching_prior.PRIOR_ENTROPY:.4f}" == "0.6365"


def test_a_loss_at_the_prior_is_said_once_with_its_entropy_and_again_when_it_is_left():
    losses = [0.637] * STEPS + [0.634] * STEPS + [0.3] * STEPS
    said = told(losses, {STEPS, 2 * STEPS, 3 * STEPS})
    assert len(said) == 2
    assert (
        said[0].startswith(f"1a, step {STEPS}: ") and "0.6365" in said[0] and "nothing of matching is learnt" in said[0]
    )
    assert said[1].startswith(f"1a, step {3 * STEPS}: ") and "some of matching is learnt" in said[1]


@pytest.mark.parametrize("losses", [[0.2] * 2 * STEPS, [None] * 2 * STEPS, [0.637] * (STEPS - 1)])
def test_nothing_is_said_of_what_is_learnt_of_phases_without_matching_and_of_few_steps(losses):
    assert told(losses, {STEPS - 1, len(losses)}) == []


def test_a_loss_far_above_the_prior_is_no_chance():
    assert not matching_prior.at_chance(1.2) and "more certainty than is right" in matching_prior.in_words(1.2)
