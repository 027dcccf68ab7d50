"""Exported parts, loaded by transformers and diffusers, give the outputs of the model that they were part of."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Blip2ForImageTextRetrieval, Blip2QFormerModel

from fashionbench.cli.main import group
from fashionbench.errors import ConfigError, DataError
from fashionbench_unifashion.export_model import HEADS, export_model
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.model.config import preset
from fashionbench_unifashion.model.unifashion import UniFashion, load
from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer
from fashionbench_unifashion.qformer.qformer import QFormer
from fashionbench_unifashion.weights import qformer_source

TEXTS = ["a red dress with long sleeves", "a long blue shirt with buttons"] * 2
BLIP2 = {"kind": "blip2", "image_size": 28, "width": 16, "layers": 2, "heads": 2, "ffn": 32, "patch": 14}
LORA = {"rank": 2, "alpha": 4, "dropout": 0.0}


def build(folder, **changes):
    """A model with weights that are not the first ones, saved."""
    torch.manual_seed(0)
    config = preset("nano", changes)
    corpus = [f" {text}" for text in TEXTS] + ["USER: <Img></Img> Describe. Assistant:"]
    tokenizer = language_tokenizer.train(corpus, 400)
    model = UniFashion(config, qformer_tokenizer.train(TEXTS, config.texts), tokenizer).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    model.save(folder)
    return load(folder)


def read_again(qformer, folder, *first):
    """What was exported is a source of a Q-Former: every weight comes back."""
    fresh = QFormer(qformer.config, qformer.transformer.config.encoder_hidden_size)
    notes = qformer_source.load(fresh, None, str(folder))
    assert notes == [*first, f"the Q-Former is that which was exported to {folder}"]
    before, after = qformer.state_dict(), fresh.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model with BLIP-2's vision encoder and a language model with LoRA, and its parts."""
    root = tmp_path_factory.mktemp("export")
    model = build(root / "model", vision=BLIP2, language={"lora": LORA})
    runner = CliRunner().invoke(group, ["export-model", str(root / "model"), "--out", str(root / "out")])
    assert runner.exit_code == 0, runner.output
    assert "Blip2ForImageTextRetrieval.from_pretrained" in runner.output
    return model, root / "out"


@torch.no_grad()
def test_the_language_model_says_the_same_with_its_updates_merged(exported):
    model, folder = exported
    tokenizer = AutoTokenizer.from_pretrained(folder / "language")
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    plain = AutoModelForCausalLM.from_pretrained(folder / "language").eval()
    assert not any("lora" in name for name in plain.state_dict())
    torch.testing.assert_close(plain(input_ids=ids).logits, model.language.network(input_ids=ids).logits)


@torch.no_grad()
def test_unet_and_vae_compute_the_same(exported):
    model, folder = exported
    diffusion = model.diffusion
    draw = torch.Generator().manual_seed(1)
    latents = torch.randn(1, diffusion.in_channels, *diffusion.latent_shape[1:], generator=draw)
    context = torch.randn(1, 3, diffusion.context_width, generator=draw)
    unet = UNet2DConditionModel.from_pretrained(folder / "unet").eval()
    ours = diffusion.unet(latents, 7, context, return_dict=False)[0]
    assert torch.equal(unet(latents, 7, context, return_dict=False)[0], ours)
    vae = AutoencoderKL.from_pretrained(folder / "vae").eval()
    assert torch.equal(vae.decode(latents[:, :4]).sample, diffusion.vae.network.decode(latents[:, :4]).sample)


@torch.no_grad()
def test_the_q_former_scores_as_blip_2_does(exported):
    model, folder = exported
    peer = Blip2ForImageTextRetrieval.from_pretrained(folder / "qformer").eval()
    pixels = torch.randn(2, 3, 28, 28, generator=torch.Generator().manual_seed(2))
    cut = model.texts(TEXTS[:2])
    tokens, qformer = model.vision(pixels), model.qformer
    images, texts = qformer.image_features(tokens, "reference"), qformer.text_features(cut.ids, cut.mask)
    contrast = peer(pixels, cut.ids, attention_mask=cut.mask).logits_per_image
    torch.testing.assert_close(contrast, torch.einsum("iqe,te->itq", images, texts).amax(-1), atol=1e-5, rtol=1e-5)
    matched = peer(pixels, cut.ids, attention_mask=cut.mask, use_image_text_matching_head=True).logits_per_image
    torch.testing.assert_close(matched, qformer.match(tokens, cut.ids, cut.mask), atol=1e-5, rtol=1e-5)
    assert set(load_file(folder / "qformer" / HEADS)) >= {"target", "temp", "lm_head.bias"}
    read_again(qformer, folder / "qformer")


@torch.no_grad()
@pytest.mark.parametrize("text_features", ["qformer", "minilm"])
def test_beside_another_vision_encoder_the_q_former_is_exported_alone(text_features, tmp_path):
    model = build(tmp_path / "model", language=None, diffusion=None, text_features=text_features)
    assert export_model(tmp_path / "model", tmp_path / "out") == {"qformer": "Blip2QFormerModel"}
    peer = Blip2QFormerModel.from_pretrained(tmp_path / "out" / "qformer").eval()
    heads = load_file(tmp_path / "out" / "qformer" / HEADS)
    tokens = torch.randn(2, model.vision.tokens, model.vision.width, generator=torch.Generator().manual_seed(3))
    states = peer(query_embeds=heads["query_tokens"].expand(2, -1, -1), encoder_hidden_states=tokens).last_hidden_state
    torch.testing.assert_close(states, model.qformer.image(tokens, "reference"), atol=1e-5, rtol=1e-5)
    anew = "the linear map on MiniLM's vectors begins anew; model.init_from takes it from a trained model"
    read_again(model.qformer, tmp_path / "out" / "qformer", *([anew] if text_features == "minilm" else []))
    maps = {name: value for name, value in heads.items() if name.startswith("sentence_encoder.")}
    assert maps.keys() == {name for name in model.state_dict() if name.startswith("sentence_encoder.")}
    for name, value in maps.items():
        assert torch.equal(value, model.state_dict()[name])
    with pytest.raises(ConfigError, match="is not empty"):
        export_model(tmp_path / "model", tmp_path / "out")


def test_a_folder_without_a_model_is_an_error_that_says_so(tmp_path):
    with pytest.raises(DataError, match="holds no UniFashion model"):
        export_model(tmp_path / "nothing", tmp_path / "out")
    assert not (tmp_path / "out").exists()
