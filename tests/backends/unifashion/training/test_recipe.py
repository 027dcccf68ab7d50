"""Recipes: all of them can be read, changes reach what they name, and a wrong field is named."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench_unifashion.model.config import overlaid, preset
from fashionbench_unifashion.training.loop import rate
from fashionbench_unifashion.training.recipe import RECIPES, PhaseConfig, load_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_is_whole_and_learns_from_tasks_that_can_be_learnt_from(name):
    recipe = load_recipe(name, {})
    assert recipe.name == name
    preset(recipe.model.preset, overlaid(recipe.model.changes, recipe.model.weights))
    tasks = Plugins(strict=True).tasks
    for kind, names in recipe.data.model_dump().items():
        for task in names:
            assert ("pairs" if kind == "captions" else kind) in tasks[task].trains
    kinds = [phase.kind for phase in recipe.phases.values()]
    assert kinds.index("contrastive") < kinds.index("language") < kinds.index("composed")
    assert kinds.index("image") < kinds.index("composed") and kinds.index("image") < kinds.index("try_on")
    assert ("vae" in kinds) == (name != "unifashion-paper")


def test_the_papers_recipe_has_the_papers_figures():
    recipe = load_recipe("unifashion-paper", {})
    phases = recipe.phases
    assert [(p.epochs, p.steps, p.batch, p.lr) for p in phases.values()] == [
        (10, None, 128, 2e-5),
        (2, None, 32, 2e-5),
        (2, None, 32, 1e-4),
        (15, None, 128, 2e-5),
        (None, 360_000, 32, 1e-4),
    ]
    speak = phases["1b-language"]
    assert (speak.betas, speak.weight_decay, speak.warmup, speak.schedule) == ((0.9, 0.99), 0, 0.03, "cosine")
    assert {phases["1b-diffusion"].schedule, phases["try-on"].schedule} == {"constant"}
    assert (recipe.overlap, recipe.keep_tokens, recipe.precision, recipe.recompute) == ("drop", False, "bf16", True)
    config = preset("paper", overlaid(recipe.model.changes, recipe.model.weights))
    assert (config.language.lora.rank, config.language.lora.alpha) == (128, 256)
    assert config.vision.source == config.qformer.source == "Salesforce/blip2-itm-vit-g"
    assert (config.diffusion.unet.subfolder, config.diffusion.vae.subfolder) == ("unet", "vae")


def test_changes_reach_one_field_of_a_phase_and_nothing_leaves_one_out():
    recipe = load_recipe("unifashion-nano", {"phases": {"1a": {"lr": 0.5}, "vae": None, 2: {"steps": 9}}, "seed": 4})
    assert list(recipe.phases) == ["1a", "1b-language", "1b-diffusion", "2", "try-on"]
    assert (recipe.phases["1a"].lr, recipe.phases["1a"].steps, recipe.seed) == (0.5, 4, 4)
    assert recipe.phases["2"].steps == 9


def test_a_length_in_steps_drops_one_in_passes_and_the_other_way_round():
    phase = load_recipe("unifashion-paper", {"phases": {"1a": {"steps": 5}}}).phases["1a"]
    assert (phase.steps, phase.epochs) == (5, None)
    phase = load_recipe("unifashion-nano", {"phases": {"1a": {"epochs": 0.5}}}).phases["1a"]
    assert (phase.steps, phase.epochs) == (None, 0.5)


def test_another_preset_drops_what_was_said_of_the_first_one():
    recipe = load_recipe("unifashion-paper", {"model": {"preset": "nano", "changes": {"language": None}}})
    assert (recipe.model.weights, recipe.model.changes) == ({}, {"language": None})
    assert load_recipe("unifashion-paper", {"model": {"preset": "paper"}}).model.weights


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"phases": {"1a": {"colour": 1}}}, "phases.1a.colour"),
        ({"phases": {"1a": {"epochs": 2, "steps": 2}}}, "phases.1a is wrong: give steps or epochs, and not both"),
        ({"phases": {"1a": {"steps": None}}}, "phases.1a is wrong: give steps or epochs, and not both"),
        ({"phases": {"1a": {"accumulate": 3}}}, "accumulate (3) must divide batch (8)"),
        ({"phases": {"1a": {"weights": {"itx": 1}}}}, "phases.1a.weights.itx"),
        ({"phases": {"new": {"kind": "sleep", "steps": 1}}}, "phases.new.kind"),
        ({"phases": 3}, "phases"),
        ({"phases": dict.fromkeys(["vae", "1a", "1b-language", "1b-diffusion", "2", "try-on"])}, "phases"),
        ({"held_out": 0.7}, "held_out"),
        ({"data": {"pears": []}}, "data.pears"),
        ({"overlap": "ignore"}, "overlap"),
        ({"phases": {"1a": {"tasks": ["fashiongen/full"]}}}, "phases.1a.tasks: fashiongen/full not under data.pairs"),
        ({"colour": 1}, "colour"),
    ],
)
def test_a_wrong_field_is_named(changes, field):
    with pytest.raises(ConfigError) as caught:
        load_recipe("unifashion-nano", changes)
    assert field in str(caught.value)
    assert "unifashion-nano" in str(caught.value)


def test_an_unknown_recipe_names_those_that_are():
    with pytest.raises(UnknownNameError, match="unifashion-nano"):
        load_recipe("unifashion-nanno", {})


def test_the_length_of_a_phase_is_its_steps_or_its_passes_over_the_examples():
    assert PhaseConfig(kind="contrastive", steps=7).length(1000) == 7
    assert PhaseConfig(kind="contrastive", epochs=3, batch=8).length(20) == 8  # 60 examples in batches of 8
    assert PhaseConfig(kind="contrastive", epochs=0.001, batch=8).length(20) == 1


def test_the_rate_rises_to_its_height_and_falls_as_a_half_cosine():
    phase = PhaseConfig(kind="contrastive", steps=100, lr=2.0, warmup=0.1)
    assert [rate(step, 100, phase) for step in (0, 4, 9, 10)] == pytest.approx([0.2, 1.0, 2.0, 2.0])
    assert rate(55, 100, phase) == pytest.approx(1.0)  # half way down from 10 to 100
    assert rate(99, 100, phase) == pytest.approx(0.0, abs=1e-3)
    flat = phase.model_copy(update={"schedule": "constant"})
    assert {rate(step, 100, flat) for step in range(10, 100)} == {2.0}
