"""What learns in each phase, and that nothing else moves."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import ConfigError
from fashionbench_unifashion.training.phases.registry import make_phase, train_only
from fashionbench_unifashion.training.recipe import load_recipe

#: Starts of the names of what learns, by phase; the vision encoder of this preset is one of its own.
LEARNS = {
    "vae": ("diffusion.vae.",),
    "1a": ("qformer.", "vision."),
    "1b-language": ("language.", "language_adapter."),
    "1b-diffusion": ("diffusion.unet.", "diffusion.unconditional", "diffusion_adapter."),
    "2": ("qformer.", "vision."),
    "try-on": (
        "diffusion.control.",
        "diffusion.injection.",
        "diffusion.unet.conv_in.",
        "diffusion.unconditional",
        "diffusion_adapter.",
    ),
}
IDLE = {"1a": ("qformer.target",), "2": ("qformer.lm_head.",)}


@pytest.fixture(scope="module")
def nano(training, tmp_path_factory):
    lora = {"language": {"lora": {"rank": 2, "alpha": 4}}}
    one = training(tmp_path_factory.mktemp("plain"))
    one.other = training(tmp_path_factory.mktemp("lora"), model={"changes": lora})
    return one


def steps(nano, name, count=3, **changes):
    """Take steps of a phase; return what the model was, what it is, and what was to learn."""
    phase = nano.recipe.phases[name].model_copy(update=changes)
    parameters = train_only(nano.model, phase)
    objective = make_phase(name, phase, nano._inputs).train()
    before = {key: value.detach().clone() for key, value in nano.model.state_dict().items()}
    optimiser = torch.optim.AdamW(list(parameters.values()), lr=1e-2, weight_decay=0.0)
    for step in range(count):
        torch.manual_seed(step)
        batch = objective.batch(step)
        objective.total(objective(batch, step)).backward()
        optimiser.step()
        optimiser.zero_grad()
    return before, dict(nano.model.state_dict()), parameters


@pytest.mark.parametrize("name", list(LEARNS))
def test_what_is_frozen_stays_bit_for_bit_and_what_learns_changes(nano, name):
    before, after, parameters = steps(nano, name)
    expected = {
        key
        for key, _ in nano.model.named_parameters()
        if key.startswith(LEARNS[name]) and not key.startswith(IDLE.get(name, ("none",)))
    }
    assert parameters.keys() == expected
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed <= expected
    # Nobody reads the coarse maps of the control branch (StableVITON injects none there), so that nothing teaches it.
    unread = ("diffusion.control.mid_block.", "diffusion.control.down_blocks.")
    assert not {key for key in expected - changed if not key.startswith(unread)}


def test_a_q_former_may_learn_through_the_language_model(nano):
    """As in BLIP-2's second stage, with the contrast beside it; its other heads and q_T are not reached."""
    before, after, parameters = steps(nano, "1b-language", qformer="trained", replay=1.0)
    starts, idle = ("language.", "language_adapter.", "qformer.", "vision."), ("target", "lm_head.", "itm_head.")
    expected = {
        key
        for key, _ in nano.model.named_parameters()
        if key.startswith(starts) and not key.removeprefix("qformer.").startswith(idle)
    }
    assert parameters.keys() == expected
    assert {key for key in before if not torch.equal(before[key], after[key])} == expected


def test_lora_learns_and_its_model_does_not(nano):
    before, after, parameters = steps(nano.other, "1b-language")
    changed = {key for key in before if not torch.equal(before[key], after[key])}
    assert changed == parameters.keys()
    assert {key for key in changed if not key.startswith("language_adapter.")} == {k for k in before if "lora_" in k}


def test_design_may_train_the_whole_unet(nano):
    _, _, parameters = steps(nano, "try-on", count=1, diffusion="all")
    starts = ("diffusion.", "diffusion_adapter.")
    expected = {k for k, _ in nano.model.named_parameters() if k.startswith(starts) and "diffusion.vae." not in k}
    assert parameters.keys() == expected


@pytest.mark.parametrize("name", list(LEARNS))
def test_nothing_drops_out_of_parts_that_do_not_learn(nano, name):
    phase = nano.recipe.phases[name]
    train_only(nano.model, phase)
    make_phase(name, phase, nano._inputs).train()
    modes = {key: part.training for key, part in nano.model.parts().items()}
    learning = {key for key, part in nano.model.parts().items() if any(p.requires_grad for p in part.parameters())}
    assert {key for key, mode in modes.items() if mode} == learning
    assert nano.model.qformer.transformer.training == (name in {"1a", "2"})


def test_a_frozen_q_former_says_the_same_whatever_torch_draws(nano):
    phase = nano.recipe.phases["1b-language"]
    train_only(nano.model, phase)
    objective = make_phase("1b-language", phase, nano._inputs).train()
    found = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        found.append(float(objective(nano.examples.pairs[:4], 0)["answer"].detach()))
    assert found[0] == found[1]


def test_a_phase_whose_part_is_not_there_is_refused(training, tmp_path):
    left = dict.fromkeys(["vae", "1b-language", "1b-diffusion", "try-on"])
    nothing = {"language": None, "diffusion": None}
    bare = training(tmp_path, model={"changes": nothing}, data={"tryon_examples": []}, phases=left)
    phases = load_recipe("unifashion-nano", {}).phases
    for name, part in (
        ("vae", "diffusion"),
        ("1b-language", "language"),
        ("1b-diffusion", "diffusion"),
        ("try-on", "diffusion"),
    ):
        with pytest.raises(ConfigError, match=f"needs a {part} model"):
            train_only(bare.model, phases[name])
