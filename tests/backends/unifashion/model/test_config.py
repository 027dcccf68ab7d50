"""Presets, and what is said of a configuration that is none."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch

from fashionbench.errors import ConfigError, UnknownNameError
from fashionbench_unifashion.model.config import PRESETS, overlaid, preset, validated
from fashionbench_unifashion.model.unifashion import UniFashion

#: Of the paper's parts, from the published sizes: ViT-g/14 of BLIP-2 without its last block (985,952,256 with the norm
#: on top), the Q-Former with two sets of queries and BERT's prediction head, Vicuna-7B (6,738,415,616) with LoRA of rank
#: 128 on its 7 linear layers a block, and Linear(768, W) twice.
PAPER = {
    "vision": 985_952_256 - 2 * 1408,
    "ln_vision": 2 * 1408,
    "qformer": 186_727_230,
    "language_adapter": 768 * 4096 + 4096,
    "language": 6_738_415_616 + 32 * 128 * (4 * 2 * 4096 + 3 * (4096 + 11008)),
    "diffusion_adapter": 768 * 768 + 768,
}


def test_the_papers_parts_have_the_published_sizes():
    with torch.device("meta"):
        model = UniFashion(preset("paper"))
    found = {name: sum(p.numel() for p in part.parameters()) for name, part in model.parts().items()}
    assert {name: found[name] for name in PAPER} == PAPER
    # Nine input channels more than Stable Diffusion 1.4 has, of 320 outputs and 3 x 3 pixels.
    assert sum(p.numel() for p in model.diffusion.unet.parameters()) == 859_520_964 + 9 * 320 * 9
    assert sum(p.numel() for p in model.diffusion.vae.parameters()) == 83_653_863
    assert sum(found.values()) == sum(p.numel() for p in model.parameters())


@pytest.mark.slow
def test_the_papers_shapes_meet_each_other():
    with torch.device("meta"):
        model = UniFashion(preset("paper"))
        pixels, ids = torch.empty(2, 3, 224, 224), torch.zeros(2, 40, dtype=torch.long)
        mask = torch.ones_like(ids)
        tokens = model.vision(pixels)
        states = model.qformer.image(tokens, "target")
        prompt, condition = model.prompt_of(states), model.condition_of(states)
        # A mask of four dimensions, for the library looks into one of two.
        mask4 = torch.zeros(1, 1, 32, 32)
        said = model.language.network(inputs_embeds=prompt, attention_mask=mask4, use_cache=False).logits
        noise = model.diffusion.predict(torch.empty(2, *model.diffusion.latent_shape), torch.zeros(2).long(), condition)
        shapes = [x.shape for x in (tokens, states, prompt, said, condition, noise)]
        composed = model.qformer.composed_features(tokens, ids, mask)
        decoded = model.qformer.decode(tokens, ids, mask)
    expected = [(2, 257, 1408), (2, 32, 768), (2, 32, 4096), (2, 32, 32000), (2, 32, 768), (2, 4, 64, 48)]
    assert [tuple(shape) for shape in shapes] == expected
    assert tuple(composed.shape) == (2, 256)
    assert tuple(decoded.shape) == (2, 40, 30523)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_a_model(name):
    config = preset(name)
    assert config.name == f"unifashion-{name}"
    assert config.language is not None and config.diffusion is not None


def test_changes_reach_one_field_and_leave_its_neighbours():
    config = preset("nano", {"qformer": {"queries": 5}, "language": None})
    assert (config.qformer.queries, config.qformer.hidden, config.language) == (5, 16, None)
    assert preset("nano").qformer.queries == 3


def test_a_source_takes_the_place_of_an_architecture():
    config = preset("paper", {"language": {"source": "lmsys/vicuna-7b-v1.5", "architecture": None}})
    assert (config.language.source, config.language.architecture) == ("lmsys/vicuna-7b-v1.5", None)
    with pytest.raises(ConfigError, match="language is wrong: .*a source or an architecture, and not both"):
        preset("paper", {"language": {"source": "lmsys/vicuna-7b-v1.5"}})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"qformer": {"queries": 0}}, "qformer.queries"),
        ({"qformer": {"colour": 1}}, "qformer.colour"),
        ({"vision": {"kind": "eye"}}, "vision.kind"),
        ({"vision": {"heads": 3}}, "heads (3) must divide width (16)"),
        ({"language": {"lora": {"rank": 0}}}, "language.lora.rank"),
        ({"language_adapter": "cubic"}, "language_adapter"),
        ({"diffusion": {"guidance": -1}}, "diffusion.guidance"),
        ({"size": 3}, "size"),
    ],
)
def test_a_wrong_field_is_named(changes, field):
    with pytest.raises(ConfigError) as caught:
        preset("nano", changes)
    assert field in str(caught.value)
    assert "the preset nano" in str(caught.value)


def test_every_wrong_field_is_named_at_once():
    with pytest.raises(ConfigError, match=r"here is no UniFashion model: (?=.*name)(?=.*vision)(?=.*qformer)"):
        validated({"name": 3, "vision": {"kind": "eye"}, "texts": {}, "qformer": {"layers": 0}}, "here")


def test_an_unknown_preset_names_those_that_are():
    with pytest.raises(UnknownNameError, match="nano"):
        preset("nanno")


def test_a_list_is_replaced_and_a_mapping_is_merged():
    one = {"a": {"b": 1, "c": [1, 2]}, "d": 4}
    assert overlaid(one, {"a": {"c": [3]}, "d": {"e": 5}}) == {"a": {"b": 1, "c": [3]}, "d": {"e": 5}}
    assert one == {"a": {"b": 1, "c": [1, 2]}, "d": 4}
