"""EfficientNet-Lite0 as an image encoder: preprocessing and features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image

from fashionbench.extractors.efficientnet import FEATURES, MEAN, SHA256, SIZE, STD, load, weights_path
from fashionbench_baselines.encoders.pixels import rgb_on_white

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ImageItem

__all__ = ["BATCH", "FEATURES", "PREPROCESSING", "SHA256", "ImageEncoder", "preprocess"]

#: Named in fingerprints and cache keys; raise the number when :func:`preprocess` changes.
PREPROCESSING = "white square/1, bicubic 224, (x-127)/128, batch norm folded"
#: Images that pass together in :meth:`ImageEncoder.batched`.
BATCH = 8


def preprocess(item: ImageItem) -> Tensor:
    """Make the network's input of an image, as float [3, 224, 224].

    Scale and offset are the checkpoint's (``MEAN_RGB`` 127, ``STDDEV_RGB`` 128 in ``efficientnet_lite_builder.py``),
    and so is the bicubic filter, here with antialiasing. The evaluation there cuts the central 87.5 % of the shorter
    side; here the whole image is laid on a white square instead, because a garment fills its photo.
    """
    image = rgb_on_white(item)
    side = max(image.size)
    square = Image.new("RGB", (side, side), (255, 255, 255))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    pixels = np.asarray(square.resize((SIZE, SIZE), Image.Resampling.BICUBIC), dtype=np.float32)
    return torch.from_numpy((pixels - MEAN) / STD).permute(2, 0, 1)


class ImageEncoder:
    """Frozen EfficientNet-Lite0 in single precision.

    The size of a batch changes the last bits of its rows; what else is in the batch does not.

    :raises BackendError: where the weights are missing or are not the expected ones.
    """

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._network = load(weights_path()).to(memory_format=torch.channels_last).to(self._device)

    def features(self, item: ImageItem) -> NDArray[np.float32]:
        """Encode an image, as [1280] in [0, 6]."""
        with torch.inference_mode():
            row = self._network(_channels_last(preprocess(item)[None]).to(self._device))[0]
        out: NDArray[np.float32] = row.cpu().numpy()
        return out

    def batched(self, items: Sequence[ImageItem]) -> NDArray[np.float32]:
        """Encode images, as [B, 1280] in [0, 6].

        Batches all have one size, the last one filled up with its last image, so that the features of an image do not
        depend on how many others are asked for.
        """
        out = np.empty((len(items), FEATURES), dtype=np.float32)
        with torch.inference_mode():
            for start in range(0, len(items), BATCH):
                inputs = [preprocess(item) for item in items[start : start + BATCH]]
                count = len(inputs)
                batch = _channels_last(torch.stack([*inputs, *[inputs[-1]] * (BATCH - count)])).to(self._device)
                out[start : start + count] = self._network(batch)[:count].cpu().numpy()
        return out


def _channels_last(images: Tensor) -> Tensor:
    return images.contiguous(memory_format=torch.channels_last)
