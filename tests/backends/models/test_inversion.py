"""Textual inversion: a vector in the place of a word, what it learns, and for which weights."""

from __future__ import annotations

import json

import numpy as np
import pytest
from cached_twin import cached_twin

import fashionbench
from fashionbench.api.training import train
from fashionbench.data.items import ComposedItem
from fashionbench.errors import BackendError, ConfigError

torch = pytest.importorskip("torch")

from fashionbench_models.encoders.pseudo_word import PseudoWord  # noqa: E402
from fashionbench_models.encoders.pseudo_word_folder import save  # noqa: E402

#: A word that is one token of the tiny tokenizers, and a text without it.
WORDS = {"clip": ("b", "is red"), "siglip": ("red", "is a blue shirt")}
SIZES = {"image": 512, "word": 32, "hidden": 8, "dropout": 0.1}


@pytest.fixture
def network():
    torch.manual_seed(4)
    return PseudoWord(**SIZES).eval()


@pytest.fixture
def inverted(network, folder_of, tmp_path):
    """Write a network for the tiny CLIP."""
    save(tmp_path / "inversion", network, SIZES, folder_of("clip"))
    return tmp_path / "inversion"


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_query_is_the_prompt_with_the_image_in_the_place_of_a_word(kind, build, folder_of, images, tmp_path):
    """Against a model whose embedding of a real word was overwritten, asked with that word."""
    from transformers import AutoModel, AutoProcessor

    word, text = WORDS[kind]
    model, processor = (kind_.from_pretrained(folder_of(kind)) for kind_ in (AutoModel, AutoProcessor))
    padding = {"padding": "max_length", "max_length": 12} if kind == "siglip" else {}
    with torch.no_grad():
        output = model.get_image_features(**processor(images=images[0].image, return_tensors="pt"))
        feature = getattr(output, "pooler_output", output)[0]
        sizes = {"image": len(feature), "word": 32, "hidden": 8, "dropout": 0.1}
        torch.manual_seed(4)
        layers = PseudoWord(**sizes).eval()
        save(tmp_path / "inversion", layers, sizes, folder_of(kind))
        hidden = (feature / feature.norm()).double().numpy()
        state = {name: value.double().numpy() for name, value in layers.state_dict().items()}
        for at in (0, 3, 6):
            hidden = state[f"layers.{at}.weight"] @ hidden + state[f"layers.{at}.bias"]
            hidden = np.maximum(hidden, 0) if at < 6 else hidden
        (token,) = processor(text=word, add_special_tokens=False)["input_ids"]
        assert token not in processor(text=f"a photo of that {text}")["input_ids"]
        model.text_model.get_input_embeddings().weight[token] = torch.from_numpy(hidden).float()
        output = model.get_text_features(**processor(text=f"a photo of {word} that {text}", return_tensors="pt", **padding))  # fmt: skip
        expected = getattr(output, "pooler_output", output)[0].numpy()
    encoder = build(kind, composition="inversion", inversion=str(tmp_path / "inversion"))
    said = encoder.preprocessing["composed queries"]
    assert said == "a photo of $ that TEXT, $ by textual inversion of the image"
    found = encoder.encode_composed([ComposedItem("q", images[0].image, text), ComposedItem("r", images[1].image, "blue with long sleeves")])  # fmt: skip
    np.testing.assert_allclose(found[0], expected, atol=2e-5)
    assert abs(found[1] - found[0]).max() > 1e-3


def test_texts_alone_are_as_before(build, inverted, texts, images):
    encoder = build("clip", composition="inversion", inversion=str(inverted))
    before = encoder.encode_texts(texts, "query")
    encoder.encode_composed([ComposedItem("q", images[0].image, "is red")])
    np.testing.assert_array_equal(encoder.encode_texts(texts, "query"), before)
    np.testing.assert_allclose(before, build("clip").encode_texts(texts, "query"), atol=1e-6)


def test_one_of_other_weights_is_refused(build, inverted):
    with pytest.raises(BackendError, match="was trained for other weights") as caught:
        build("clip", seed=1, composition="inversion", inversion=str(inverted))
    assert "train one for this model" in caught.value.remedy
    (inverted / "pseudo_word.json").write_text("{}")
    with pytest.raises(BackendError, match="holds no textual inversion that can be read"):
        build("clip", composition="inversion", inversion=str(inverted))


def test_the_box_of_a_query_is_inverted_where_it_has_one(build, inverted, images):
    image = images[0].image
    box = (image.width // 4, 0, image.width, image.height // 2)
    options = {"composition": "inversion", "inversion": str(inverted)}
    encoder = build("clip", region="box", **options)
    with pytest.warns(UserWarning, match="none of the first 1 queries has a box"):
        encoder.encode_composed([ComposedItem("q", image, "is blue")])
    found = encoder.encode_composed([ComposedItem("q", image, "is blue", box)])
    cropped = build("clip", **options).encode_composed([ComposedItem("q", image.crop(box), "is blue")])
    np.testing.assert_allclose(found, cropped, atol=1e-6)
    assert encoder.preprocessing["boxes"] == "1 of the 2 queries that were encoded have one"
    assert "in the box" in encoder.preprocessing["region"]


@pytest.mark.parametrize("options", [{"composition": "inversion"}, {"inversion": "somewhere"}])
def test_the_folder_and_the_composition_go_together(options, build):
    with pytest.raises(ConfigError, match="with inversion="):
        build("clip", **options)


def test_other_libraries_have_none(build, inverted):
    with pytest.raises(BackendError, match="OpenClip has no composition=inversion"):
        build("open_clip", composition="inversion", inversion=str(inverted))


def test_a_model_must_be_named(tmp_path):
    with pytest.raises(ConfigError, match="textual-inversion has no model"):
        train("textual-inversion", out=tmp_path, dry_run=True)


@pytest.mark.slow
def test_it_learns_and_is_measured(folder_of, tmp_path, pytestconfig):
    twin = {"atelier": cached_twin(pytestconfig)}
    changes = {
        "model": str(folder_of("siglip")),
        "steps": 200,
        "temperature": 0.01,
        "hidden": 64,
        "held_out": 0.4,
        "learning_rate": 0.003,
    }
    result = train("textual-inversion", changes=changes, out=tmp_path / "out", data=twin)
    record = json.loads(result.record.read_text())
    assert record["steps"] == 200
    assert record["recipe"]["model"] == "siglip"
    assert result.figures["held-out recall@10"] > 3 * result.figures["chance of recall@10"]
    options = {"composition": "inversion", "inversion": str(result.model)}
    config = {
        "tasks": ["atelier/fashion-iq-original"],
        "backends": [{"id": f"hf:{folder_of('siglip')}", "options": options}],
        "data": twin,
    }
    (made,) = fashionbench.run(config, store=tmp_path / "store")
    assert made.status == "ok", made.error
    assert "fashiongen (generated twin)" in {use.dataset for use in made.backend.training_data}
    assert str(tmp_path) not in made.model_dump_json()
