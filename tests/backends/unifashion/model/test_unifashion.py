"""The whole model in a folder: what is written comes back bit for bit, and nothing else is taken for it."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from fashionbench.errors import BackendError, ConfigError, DataError
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.model.config import preset
from fashionbench_unifashion.model.unifashion import CONFIG, WEIGHTS, UniFashion, load
from fashionbench_unifashion.qformer import tokenizer as qformer_tokenizer

CAPTIONS = [
    "a red dress with dots and long sleeves",
    "a long blue shirt",
    "grey trousers with pockets",
    "a red shirt with a collar",
] * 2


def build(seed=0, **changes):
    torch.manual_seed(seed)
    config = preset("nano", changes)
    corpus = [f" {text}" for text in CAPTIONS] + ["USER: <Img></Img> Describe. Assistant:"]
    own = config.language is not None and config.language.source is None
    return UniFashion(
        config, qformer_tokenizer.train(CAPTIONS, config.texts), language_tokenizer.train(corpus, 400) if own else None
    ).eval()


@torch.no_grad()
def outputs(model):
    """Everything that a backend asks for."""
    images = [Image.new("RGB", (40, 50), colour) for colour in ("red", "teal", "white")]
    tokens, cut = model.tokens(images), model.texts(CAPTIONS[:3])
    made = {
        "image": model.qformer.image_features(tokens, "target"),
        "text": model.qformer.text_features(cut.ids, cut.mask),
        "composed": model.qformer.composed_features(tokens, cut.ids, cut.mask),
        "match": model.qformer.match(tokens, cut.ids, cut.mask),
    }
    if model.diffusion is not None:
        condition = model.condition_of(model.qformer.image(tokens, "reference"))
        made["image"] = model.diffusion.sample(condition, seeds=[1, 2, 3])
    if model.language is not None:
        made["said"] = model.language.generate(model.soft_prompt(tokens), "Describe.")
    return made


def same(one, two):
    return all(one[name] == two[name] if name == "said" else torch.equal(one[name], two[name]) for name in one)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = build()
    model.diffusion.vae.measure_scale(torch.rand(4, 3, 32, 24, generator=torch.Generator().manual_seed(0)))
    folder = tmp_path_factory.mktemp("model")
    model.save(folder, "# a card\n")
    return model, folder


def test_what_is_written_comes_back_bit_for_bit(saved):
    model, folder = saved
    loaded = load(folder)
    assert loaded.fingerprint() == model.fingerprint()
    assert same(outputs(model), outputs(loaded))
    assert loaded.config == model.config
    assert (folder / "README.md").read_text() == "# a card\n"
    assert not loaded.training


def test_loading_leaves_the_random_numbers_alone(saved):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    load(saved[1])
    assert torch.equal(torch.rand(3), expected)


def test_shared_weights_are_written_once_and_stay_shared(tmp_path):
    architecture = {**preset("nano").language.architecture, "tie_word_embeddings": True}
    model = build(language={"architecture": architecture})
    model.save(tmp_path)
    loaded = load(tmp_path)
    network = loaded.language.network
    assert network.lm_head.weight is network.get_input_embeddings().weight
    assert loaded.fingerprint() == model.fingerprint()
    assert len(load_file(tmp_path / WEIGHTS)) == len(model.state_dict()) - 1


def test_models_without_a_generator_come_back_without(tmp_path):
    model = build(language=None, diffusion=None)
    model.save(tmp_path)
    loaded = load(tmp_path)
    assert loaded.language is None and loaded.diffusion is None
    assert same(outputs(model), outputs(loaded))
    with pytest.raises(BackendError, match="no language model"):
        loaded.soft_prompt(loaded.tokens([Image.new("RGB", (8, 8))]))


def test_a_folder_needs_nothing_that_the_model_was_made_from(tmp_path):
    """Language model, UNet and VAE of other folders, which are gone when the model is loaded."""
    source = build()
    folder, gone = tmp_path / "model", tmp_path / "sources"
    source.language.network.save_pretrained(gone / "language")
    source.language_tokenizer.save_pretrained(gone / "language")
    source.diffusion.unet.save_pretrained(gone / "unet")
    source.diffusion.vae.network.save_pretrained(gone / "vae")
    lora = {"rank": 2, "alpha": 4}
    model = build(
        seed=1,
        language={"source": str(gone / "language"), "architecture": None, "lora": lora, "dtype": "bfloat16"},
        diffusion={
            "unet": {"source": str(gone / "unet"), "architecture": None},
            "vae": {"source": str(gone / "vae"), "architecture": None},
        },
    )
    head = model.language.network.get_output_embeddings().weight
    assert torch.equal(head, source.language.network.lm_head.weight.bfloat16())
    model.save(folder)
    gone.rename(tmp_path / "elsewhere")
    loaded = load(folder)
    assert loaded.fingerprint() == model.fingerprint()
    assert same(outputs(model), outputs(loaded))
    assert str(gone) not in (folder / CONFIG).read_text()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda state: state.pop("qformer.temp"), "missing: qformer.temp"),
        (lambda state: state.update(surplus=torch.zeros(1)), "unexpected: surplus"),
        (lambda state: state.update({"qformer.temp": torch.zeros(2)}), "of another shape: qformer.temp"),
    ],
)
def test_other_weights_are_refused(saved, tmp_path, change, said):
    model, _ = saved
    model.save(tmp_path)
    state = load_file(tmp_path / WEIGHTS)
    change(state)
    save_file(state, tmp_path / WEIGHTS)
    with pytest.raises(BackendError, match=said):
        load(tmp_path)


def test_what_is_no_folder_of_a_model_is_refused(saved, tmp_path):
    with pytest.raises(DataError, match="holds no UniFashion model"):
        load(tmp_path)
    model, folder = saved
    model.save(tmp_path)
    fields = json.loads((folder / CONFIG).read_text())
    fields["qformer"]["layers"] = -1
    (tmp_path / CONFIG).write_text(json.dumps(fields))
    with pytest.raises(ConfigError, match=r"qformer\.layers"):
        load(tmp_path)


def test_the_fingerprint_is_of_the_weights():
    one, two = build(), build()
    assert one.fingerprint() == two.fingerprint()
    with torch.no_grad():
        two.qformer.temp.add_(1e-6)
    assert one.fingerprint() != two.fingerprint() != build(seed=1).fingerprint()


def test_parts_hold_every_weight_once():
    model = build()
    parts = [id(p) for part in model.parts().values() for p in part.parameters()]
    assert sorted(parts) == sorted(id(p) for p in model.parameters())


def test_recomputed_activations_give_the_same_gradients():
    plain, again = build().train(), build().train()
    again.recompute()
    found = []
    for model in (plain, again):
        torch.manual_seed(0)
        tokens = model.tokens([Image.new("RGB", (32, 32), "red")])
        states = model.qformer.image(tokens, "reference")
        answers = model.language.answers(model.prompt_of(states), ["Describe."], [CAPTIONS[0]])
        noise = model.diffusion.predict(torch.ones(1, 4, 16, 12), torch.tensor([5]), model.condition_of(states))
        (answers.logits.square().mean() + noise.square().mean()).backward()
        found.append({name: p.grad for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient)
