"""EfficientNet-Lite0 as a feature extractor for distances between sets of images; not comparable with Inception."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.canonical import digest
from fashionbench.data.items import ImageItem
from fashionbench.extractors.weights import published_name
from fashionbench_baselines.encoders.efficientnet import PREPROCESSING, SHA256, ImageEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class EfficientNetFeatures:
    """The 1,280 pooled features of EfficientNet-Lite0."""

    id = "efficientnet-lite0"

    def __init__(self, device: str) -> None:
        self._encoder = ImageEncoder(device)

    @property
    def fingerprint(self) -> str:
        """A hash of weights and preprocessing."""
        return digest([SHA256, PREPROCESSING])

    @property
    def published(self) -> str:
        """The name that the weights were published under, or ``unrecognised``."""
        return published_name(SHA256)

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB images [H, W, 3] into [N, 1280]."""
        items = [ImageItem(str(i), Image.fromarray(pixels)) for i, pixels in enumerate(images)]
        return np.stack([self._encoder.features(item) for item in items]).astype(np.float32)
