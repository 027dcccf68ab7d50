"""Features of images that are kept for a training that goes on: memory and no truth."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from PIL import Image

pytest.importorskip("accelerate", reason="needs the optional dependencies fashionbench[models]")

from fashionbench_unifashion.training.feature_cache import ImageFeatureCache


@pytest.fixture
def cache(tmp_path):
    """A function that makes a cache in one folder, of an encoder of one layer; and the images that were opened."""
    opened = []
    layer = torch.nn.Linear(3, 2)

    def open_(name):
        opened.append(name)
        return Image.new("RGB", (2, 2), name)

    def transform(image):
        return torch.tensor(image.getpixel((0, 0))).float()

    vision = SimpleNamespace(trainable=False, encode=lambda pixels: layer(pixels)[:, None], network=layer)
    config = SimpleNamespace(vision=SimpleNamespace(model_dump=lambda mode: {}), diffusion=None)
    model = SimpleNamespace(vision=vision, config=config, transform=transform, device="cpu", diffusion=None)  # fmt: skip
    return lambda **data: ImageFeatureCache(model, open_, keep=True, folder=tmp_path, data=data), opened


def test_a_flipped_bit_of_kept_features_is_not_learnt_from(cache, tmp_path):
    make, opened = cache
    make().prepare(["red", "blue"], lambda *_: None)
    make().prepare(["red", "blue"], lambda *_: None)
    assert opened == ["blue", "red"]
    (path,) = tmp_path.glob("tokens-*.safetensors")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    make().prepare(["red", "blue"], lambda *_: None)
    assert opened == ["blue", "red"] * 2
    assert path.read_bytes() == whole


def test_an_id_of_other_data_is_another_image(cache):
    make, opened = cache
    make(pairs="sha256:1").prepare(["red"], lambda *_: None)
    make(pairs="sha256:2").prepare(["red"], lambda *_: None)
    assert opened == ["red", "red"]
    make(pairs="sha256:1").prepare(["red"], lambda *_: None)
    assert opened == ["red", "red"]


def test_the_order_of_images_makes_no_other_file(cache):
    make, opened = cache
    one, two = make(), make()
    one.prepare(["red", "blue", "lime"], lambda *_: None)
    two.prepare(["lime", "red", "blue"], lambda *_: None)
    assert opened == ["blue", "lime", "red"]
    assert torch.equal(one._tokens["lime"], two._tokens["lime"])
