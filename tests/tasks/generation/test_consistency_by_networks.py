"""Try-on measured by CLIP and DINOv2: the same values as by the networks' own calls, in a run from files to record."""

from __future__ import annotations

import numpy as np
import pytest
import tryon_folder
from PIL import Image

from fashionbench import api

pytest.importorskip("transformers", reason="transformers, which reads CLIP and DINOv2")

import tiny_clip
import torch

from fashionbench.extractors import clip, dinov2, registry

pytestmark = pytest.mark.slow

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


@pytest.fixture
def networks(tmp_path, monkeypatch):
    """A tiny CLIP and a DINOv2 of one layer, where the variables point."""
    from transformers import CLIPImageProcessorPil, Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    shape = {"hidden_size": 1024, "num_hidden_layers": 1, "num_attention_heads": 4, "mlp_ratio": 1}
    vision = Dinov2Model(Dinov2Config(image_size=224, patch_size=14, **shape)).eval()
    vision.save_pretrained(tmp_path / "dinov2")
    joint = tiny_clip.save(tmp_path / "clip")
    monkeypatch.setenv(clip.VARIABLE, str(tmp_path / "clip"))
    monkeypatch.setenv(dinov2.VARIABLE, str(tmp_path / "dinov2"))
    registry.load.cache_clear()
    processor = CLIPImageProcessorPil.from_pretrained(tmp_path / "clip")

    def by_clip(image):
        found = joint.get_image_features(**processor(images=image, return_tensors="pt"))
        return getattr(found, "pooler_output", found)[0].detach().double().numpy()

    def by_dinov2(image):
        pixels = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC)) / 255
        batch = torch.from_numpy(((pixels - MEAN) / STD).transpose(2, 0, 1)[None]).float()
        return vision(batch).last_hidden_state[0, 0].detach().double().numpy()

    yield {"clip-vit-base-patch32": by_clip, "dinov2-large": by_dinov2}
    registry.load.cache_clear()


def sized(path, mode="RGB", how=Image.Resampling.LANCZOS):
    with Image.open(path) as image:
        return image.convert(mode).resize((384, 512), how)


def on_white(image):
    """The middle of a white square of 512."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "white")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def worn(root, name):
    """What a copied person wears: its mask's pixels on white, in the mask's box."""
    mask = sized(root / "test" / "agnostic-mask" / f"{name}_mask.png", "L", Image.Resampling.NEAREST)
    shown = Image.new("RGB", mask.size, "white")
    shown.paste(tryon_folder.photo(root, name), mask=mask)
    return on_white(shown.crop(mask.getbbox()))


def test_values_are_those_of_the_networks_own_calls(networks, tmp_path, plugins, store):
    root = tryon_folder.write(tmp_path / "viton-hd")
    fields = {"tasks": "viton-hd/unpaired", "backends": "control/copy-person", "data": {"viton-hd": root}}
    (record,) = api.run(fields, plugins=plugins, store=store)
    names = tryon_folder.NAMES
    for extractor, features in networks.items():
        part = record.metric(f"garment-consistency-{extractor}")
        expected = []
        for name, garment in zip(names, (*names[1:], names[0]), strict=True):
            one = features(on_white(sized(root / "test" / "cloth" / f"{garment}.jpg")))
            two = features(worn(root, name))
            expected.append(one @ two / np.linalg.norm(one) / np.linalg.norm(two))
        values = store.predictions.read_values(part.values).to_pydict()
        assert [name.partition("_0")[0] for name in values["item"]] == [name.partition("_0")[0] for name in names]
        assert values["value"] == pytest.approx(expected, abs=1e-5)
        assert part.n == 3
        assert part.weights == "unrecognised"
        assert part.implementation.startswith(f"fashionbench.garment-consistency-{extractor}/1+transformers@")
    # The photos of the real side are those that were copied: no set of features tells them apart.
    assert record.metric("cmmd-clip-vit-base-patch32").value == 0
    assert record.metric("fd-dinov2-large").value == pytest.approx(0, abs=1e-6)
    # Three garments are no fifty.
    few = [f"garment-retrieval-{extractor}" for extractor in ("dinov2-large", "clip-vit-base-patch32")]
    assert sorted(part.id for part in record.absent) == sorted(["kid-off-diagonal", "kid", "fid", *few])
