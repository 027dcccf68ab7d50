"""all-MiniLM-L6-v2 behind the feature cache that all baselines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import transformers

from fashionbench.extractors import minilm
from fashionbench_baselines.encoders.feature_cache import FILE, FeatureCache

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import TextItem
    from fashionbench.specs.capabilities import BackendContext


class FrozenTextEncoder:
    """The features of texts: read from the cache, or computed one text at a time.

    :raises BackendError: where the weights are missing or are not the expected ones.
    """

    def __init__(self, context: BackendContext) -> None:
        self._encoder = minilm.TextEncoder(context.device)
        where = f"{torch.device(context.device).type}, {torch.get_num_threads()} threads, torch {torch.__version__}"
        key = f"{minilm.SHA256}, {minilm.PREPROCESSING}, {where}, transformers {transformers.__version__}"
        self._cache = FeatureCache(context.cache / FILE, key, minilm.FEATURES)

    def features(self, items: Sequence[TextItem]) -> NDArray[np.float32]:
        """Encode texts, as [B, 384] of norm 1; warns where only the first 256 word pieces are read."""
        # The cache is asked for token ids, so that a text which is cut warns each time.
        tokens = [self._encoder.tokens(item) for item in items]

        def encode(positions: list[int]) -> NDArray[np.float32]:
            return np.stack([self._encoder.encode(tokens[at]) for at in positions])

        return self._cache.features([" ".join(map(str, ids)).encode() for ids in tokens], encode)
