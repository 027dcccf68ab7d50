"""The image encoder: images as the input of EfficientNet-Lite0, and its features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from fashionbench.extractors.efficientnet import FEATURES, MEAN, SHA256, SIZE, STD, load, weights_path
from fashionbench_baselines.encoders.pixels import rgb_on_white

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ImageItem

__all__ = ["FEATURES", "PREPROCESSING", "SHA256", "ImageEncoder", "preprocess"]

#: Named in fingerprints and cache keys; raise the number when :func:`preprocess` changes.
PREPROCESSING = "white square/1, bicubic 224, (x-127)/128"


def preprocess(item: ImageItem) -> Tensor:
    """Make the network's input of an image, as float [3, 224, 224].

    Scale and offset are the checkpoint's (``MEAN_RGB`` 127, ``STDDEV_RGB`` 128 in ``efficientnet_lite_builder.py``),
    and so is the bicubic filter, here with antialiasing. The evaluation there cuts the central 87.5 % of the shorter
    side; here the whole image is laid on a white square instead, because a garment fills its picture.
    """
    image = rgb_on_white(item)
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    pixels = np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.from_numpy((pixels - MEAN) / STD).permute(2, 0, 1)


class ImageEncoder:
    """Frozen EfficientNet-Lite0 in single precision.

    Images pass one at a time: a batch changes the last bits of its rows, and is no faster on a CPU.

    :raises BackendError: where the weights are missing or are not the expected ones.
    """

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._network = load(weights_path()).to(self._device)

    def features(self, item: ImageItem) -> NDArray[np.float32]:
        """Encode an image, as [1280] in [0, 6]."""
        with torch.inference_mode():
            row = self._network(preprocess(item)[None].to(self._device))[0]
        out: NDArray[np.float32] = row.cpu().numpy()
        return out
