"""DINOv2 features by folder: those of the published model, the preprocessing of FD-DINOv2, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from fashionbench.errors import MetricError

pytest.importorskip("transformers", reason="transformers, which reads DINOv2")

import torch
from torch.nn import functional

from fashionbench.extractors.dinov2 import VARIABLE, Dinov2
from fashionbench.extractors.registry import load

pytestmark = pytest.mark.slow


def save(folder, seed=0, **changed):
    """Write a DINOv2 of one layer with the width and the patches of ViT-L/14."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(seed)
    shape = {"hidden_size": 1024, "num_hidden_layers": 1, "num_attention_heads": 4, "mlp_ratio": 1, **changed}
    made = Dinov2Model(Dinov2Config(image_size=224, patch_size=14, **shape)).eval()
    made.save_pretrained(folder)
    return made


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "dinov2"))
    return tmp_path / "dinov2"


def test_features_are_the_class_token_of_the_whole_image(folder):
    made = save(folder)
    image = np.random.default_rng(0).integers(0, 256, (120, 300, 3), dtype=np.uint8)
    found = Dinov2("cpu").features([image])
    # torch's antialiased bicubic filter is PIL's up to the rounding to eight bits.
    pixels = torch.from_numpy(image).permute(2, 0, 1)[None].float()
    pixels = functional.interpolate(pixels, (224, 224), mode="bicubic", antialias=True).clamp(0, 255).round() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.inference_mode():
        expected = made((pixels - mean) / std).pooler_output.numpy()
    assert found.shape == (1, 1024)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.02)
    turned = Dinov2("cpu").features([image[:, ::-1].copy()])
    assert np.abs(turned - expected).max() > 0.1


def test_the_fingerprint_is_that_of_the_weights(folder):
    save(folder)
    one = Dinov2("cpu")
    assert one.published == "unrecognised"
    assert load("dinov2-large", "cpu").fingerprint == one.fingerprint
    save(folder, seed=1)
    assert Dinov2("cpu").fingerprint != one.fingerprint


def test_another_network_and_incomplete_weights_are_refused(folder):
    with pytest.raises(MetricError, match=f"not at {folder}, where {VARIABLE} points"):
        Dinov2("cpu")
    save(folder, hidden_size=64)
    with pytest.raises(MetricError, match="dinov2 with patches of 14 and 64 dimensions"):
        Dinov2("cpu")
    save(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 2}))
    with pytest.raises(MetricError, match="not those of its configuration: encoder.layer.1"):
        Dinov2("cpu")
    (folder / "config.json").unlink()
    with pytest.raises(MetricError, match="no config.json"):
        Dinov2("cpu")


def test_without_the_variable_it_says_what_to_download(monkeypatch, tmp_path):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MetricError, match="facebook/dinov2-large") as caught:
        Dinov2("cpu")
    assert "hf download facebook/dinov2-large" in str(caught.value.remedy)
