"""Trainings of one beginning train it once, and end with the weights that they would have had alone."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.training.shared_phases import TAKEN
from fashionbench_unifashion.training.trainer import Training

pytestmark = pytest.mark.slow

#: Two phases are enough to see what is shared.
FEW = {"phases": {"1b-diffusion": None, "try-on": None, "vae": None, "2": None}}
OTHER = {"phases": {**FEW["phases"], "1b-language": {"lr": 3e-3}}}


@pytest.fixture
def trained_in(context, tmp_path):
    """A function that trains with a folder for what is shared, or without one."""
    count = iter(range(99))

    def train(changes, shared):
        made = Training(load_recipe("unifashion-nano", changes), context(tmp_path / str(next(count)), shared=shared))
        made.run()
        folders = [PhaseFolder(made.out / "phases" / f"{n}-{name}") for n, name in enumerate(made.recipe.phases)]
        taken = [TAKEN in folder.summary() for folder in folders]
        return {name: value.clone() for name, value in made.model.state_dict().items()}, taken

    return train


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_a_common_beginning_is_taken_over_and_the_weights_are_those_of_a_training_alone(trained_in, tmp_path):
    shared = tmp_path / "shared"
    first, taken = trained_in(FEW, shared)
    assert taken == [False, False]
    second, taken = trained_in(OTHER, shared)
    assert taken == [True, False]
    alone, _ = trained_in(OTHER, None)
    assert same(second, alone)
    assert not same(first, second)


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"held_out": 0.3}, {"model": {"changes": {"qformer": {"queries": 4}}}}, {"instruction": "Describe."}],
    ids=["seed", "held-out", "model", "instruction"],
)
def test_what_decides_the_first_weights_or_the_data_shares_nothing(context, tmp_path, changes):
    one, two = (
        Training(load_recipe("unifashion-nano", {**FEW, **more}), context(tmp_path / str(n), shared=tmp_path / "s"))
        for n, more in enumerate(({}, changes))
    )
    assert one._shared.key(0) != two._shared.key(0)


def test_images_are_encoded_once_for_trainings_that_differ_in_how_they_learn(context, tmp_path, monkeypatch):
    frozen = {**FEW, "model": {"changes": {"vision": {"trainable": False}}}}
    slower = {**frozen, "phases": {**FEW["phases"], "1a": {"lr": 3e-5}}}
    one, two = (
        Training(load_recipe("unifashion-nano", changes), context(tmp_path / str(n), shared=tmp_path / "s"))
        for n, changes in enumerate((frozen, slower))
    )
    one.feature_cache.read_pairs(one.examples, lambda *_: None, lambda *_: None)

    def encode(_):
        raise AssertionError

    monkeypatch.setattr(two.model.vision, "encode", encode)
    two.feature_cache.read_pairs(two.examples, lambda *_: None, lambda *_: None)
    names = [pair.image for pair in two.examples.pairs]
    assert torch.equal(one.feature_cache.tokens(names), two.feature_cache.tokens(names))


def test_a_damaged_phase_is_trained_again(trained_in, tmp_path):
    shared = tmp_path / "shared"
    first, _ = trained_in(FEW, shared)
    for path in shared.rglob("trained.safetensors"):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    again, taken = trained_in(FEW, shared)
    assert taken == [False, False]
    assert same(first, again)
