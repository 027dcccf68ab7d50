"""Every phase kind of a recipe has one phase."""

from __future__ import annotations

from typing import get_args

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.training.phases.registry import PHASES, make_phase
from fashionbench_unifashion.training.recipe import Kind


def test_every_kind_has_a_phase_of_its_own():
    assert {*PHASES} == {*get_args(Kind)}
    assert len({*PHASES.values()}) == len(PHASES)


def test_a_phase_takes_its_examples_batches_and_length_from_the_recipe(trained):
    examples = trained.examples
    sizes = {kind: len(getattr(examples, kind)) for kind in ("pairs", "triplets", "tryon_examples")}
    assert all(sizes.values())
    for name, config in trained.recipe.phases.items():
        phase = make_phase(name, config, trained._inputs)
        assert type(phase) is PHASES[config.kind]
        assert len(phase.examples) == sizes[phase.example_kind]
        assert not {*phase.examples} & {*phase.held_out}
        assert phase.steps == config.steps
        assert len(phase.batch(0)) == config.batch
        assert {*phase.batch(0)} <= {*phase.examples}
        assert phase.batch(1) == phase.batch(1) != phase.batch(0)
