"""EfficientNet-Lite0 behind the feature cache that all baselines share."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

from fashionbench.data.items import ImageItem
from fashionbench_baselines.encoders import efficientnet
from fashionbench_baselines.encoders.feature_cache import FILE, FeatureCache
from fashionbench_baselines.encoders.pixels import rgb_on_white

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.specs.capabilities import BackendContext


class FrozenImageEncoder:
    """The features of images: read from the cache, or computed in batches of a fixed size.

    :raises BackendError: where the weights are missing or are not the expected ones.
    """

    def __init__(self, context: BackendContext) -> None:
        self._encoder = efficientnet.ImageEncoder(context.device)
        # Batch size, thread count and the version of torch change the last bits of a convolution.
        where = f"{torch.device(context.device).type}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        key = f"{efficientnet.SHA256}, {efficientnet.PREPROCESSING}, batches of {efficientnet.BATCH}, {where}"
        self._cache = FeatureCache(context.cache / FILE, key, efficientnet.FEATURES)

    def features(self, items: Sequence[ImageItem]) -> NDArray[np.float32]:
        """Encode images, as [B, 1280] in [0, 6]; equal pixels have equal features, whatever the batch.

        :raises BackendError: on an image that has no faithful form in RGB of eight bits.
        """
        rgb = [ImageItem(item.id, rgb_on_white(item)) for item in items]
        contents = [_pixel_hash(item) for item in rgb]
        return self._cache.features(contents, lambda positions: self._encoder.batched([rgb[at] for at in positions]))


def _pixel_hash(item: ImageItem) -> bytes:
    state = hashlib.blake2b(f"{item.image.width}x{item.image.height}\n".encode(), digest_size=32)
    state.update(item.image.tobytes())
    return state.digest()
