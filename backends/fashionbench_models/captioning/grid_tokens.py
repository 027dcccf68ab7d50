"""Images as tokens: the last feature map of a frozen EfficientNet-Lite0, and the colours of each of its cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from fashionbench.extractors.efficientnet import MEAN, SHA256, STD, STRIDES, WIDTHS, load, weights_path

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CHANNELS", "SHA256", "STRIDE", "GridTokens"]

STRIDE = STRIDES[-1]
#: Features, and the mean colours of the quarters of a cell.
CHANNELS = WIDTHS[-1] + 4 * 3


class GridTokens:
    """The frozen encoder; images pass one at a time, so that no token depends on the other images.

    :param side: of the square that an image is laid on; a multiple of :data:`STRIDE`.
    :raises BackendError: where the weights are missing or are not the expected ones.
    """

    def __init__(self, side: int, device: str) -> None:
        self._side = side
        self._device = device
        self._network = load(weights_path()).to(device)

    @torch.inference_mode()
    def tokens(self, image: Image.Image) -> Tensor:
        """Encode an image as [cells, CHANNELS] on the CPU, row by row."""
        pixels = self._pixels(image)
        features = self._network.stages(((pixels - MEAN) / STD)[None].to(self._device))[-1].cpu()
        quarters = functional.avg_pool2d((pixels / 255 - 0.5)[None], STRIDE // 2)
        colours = functional.pixel_unshuffle(quarters, 2)
        return torch.cat([features, colours], dim=1)[0].flatten(1).T.clone()

    def _pixels(self, image: Image.Image) -> Tensor:
        """Lay an image on a white square, as levels [3, side, side]."""
        rgb = image.convert("RGB")
        scale = self._side / max(rgb.size)
        width, height = (max(1, round(length * scale)) for length in rgb.size)
        square = Image.new("RGB", (self._side, self._side), (255, 255, 255))
        corner = ((self._side - width) // 2, (self._side - height) // 2)
        square.paste(rgb.resize((width, height), Image.Resampling.BICUBIC), corner)
        return torch.from_numpy(np.asarray(square, dtype=np.float32)).permute(2, 0, 1)
