"""What a dry run says, against what is known of the parts."""

from __future__ import annotations

import io

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from rich.console import Console

from fashionbench_unifashion.training.dry_run import empty_model, plan, show_plan
from fashionbench_unifashion.training.memory_estimate import activations
from fashionbench_unifashion.training.phases.registry import train_only
from fashionbench_unifashion.training.recipe import load_recipe


def text(recipe):
    console = Console(file=io.StringIO(), width=100)
    show_plan(recipe, console.print)
    return " ".join(console.file.getvalue().split())


@pytest.fixture(scope="module")
def nano():
    recipe = load_recipe("unifashion-nano", {})
    return recipe, empty_model(recipe)


@pytest.mark.slow
def test_the_papers_plan_has_its_parts_and_phases_and_loads_nothing():
    recipe = load_recipe("unifashion-paper", {})
    said = text(recipe)
    # The Q-Former; Vicuna-7B in 16 bits and its LoRA weights in 32.
    assert "186,727,230" in said
    assert "bfloat16 6,738,415,616, float32 319,815,680" in said
    for name, length in (
        ("1a", "10 epochs"),
        ("1b-language", "2 epochs"),
        ("2", "15 epochs"),
        ("try-on", "360,000 steps"),
    ):
        assert f"{name} │ {length}" in said
    # Phase 1a: the Q-Former without q_T (32 x 768), and the layer norm on the image tokens (2 x 1408).
    assert f"{186_727_230 - 32 * 768 + 2 * 1408:,}" in said
    assert "lmsys/vicuna-7b-v1.5" in said


def test_a_phase_needs_weights_gradients_and_two_averages(nano):
    recipe, model = nano
    every = sum(p.numel() for p in model.parameters())
    kept = sum(x.numel() * x.element_size() for x in (*model.parameters(), *model.buffers()))
    assert every == pytest.approx(kept / 4, rel=0.1)
    for name, phase in recipe.phases.items():
        row = plan(model, name, phase, recipe)
        assert row.trainable + row.frozen == every
        assert row.weights == kept
        assert (row.gradients, row.optimiser) == (4 * row.trainable, 8 * row.trainable)
        assert row.activations > 0
    assert all(value.is_meta for value in model.parameters())


def test_activations_grow_with_what_is_computed_at_once(nano):
    recipe, model = nano
    phase = recipe.phases["1a"]
    train_only(model, phase)
    whole = activations(model, phase, recipe)
    half = activations(model, phase.model_copy(update={"accumulate": 2}), recipe)
    assert whole == 2 * half == 2 * activations(model, phase, recipe, processes=2)
    mixed = activations(model, phase, recipe.model_copy(update={"precision": "bf16"}))
    assert 0.4 * whole < mixed < 0.6 * whole
    assert activations(model, phase, recipe.model_copy(update={"recompute": True})) < whole


def test_what_is_counted_is_what_autograd_keeps():
    """On a real device, for the language model, whose pass is one call."""
    recipe = load_recipe("unifashion-nano", {"phases": {"1b-language": {"batch": 2}}})
    empty, phase = empty_model(recipe), recipe.phases["1b-language"]
    train_only(empty, phase)
    counted = activations(empty, phase, recipe)
    from fashionbench_unifashion.model.config import preset
    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.phases.language import ANSWER_TOKENS

    model = UniFashion(preset("nano"))
    weights = {p.data_ptr() for p in model.parameters()}
    kept = {}

    def pack(value):
        if value.data_ptr() not in weights:
            kept[value.data_ptr(), value.shape] = value.numel() * value.element_size()
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
        prompt = model.prompt_of(torch.randn(2, 3, 16))
        model.language.network(
            inputs_embeds=torch.cat([prompt, torch.randn(2, ANSWER_TOKENS, 16)], dim=1), use_cache=False
        )
    assert 0.5 < counted / sum(kept.values()) < 2


def test_a_recipe_without_sources_says_nothing_of_them():
    assert "starts from" not in text(load_recipe("unifashion-nano", {}))
