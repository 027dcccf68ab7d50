"""Vision towers without texts, for image-to-image retrieval: DINOv2, DINOv3, ViT."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers import AutoImageProcessor, AutoModel

from fashionbench_models.encoders.base import Encoder
from fashionbench_models.loading import load_processor

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext, Role


class VisionTower(Encoder):
    """The class token after the last layer norm, or what the model calls its pooled output.

    :raises BackendError: where the folder is not whole.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._model = self.load(AutoModel)
        self._images = load_processor(AutoImageProcessor, self.options)
        self.facts["images"] = type(self._images).__name__

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, D]."""
        return self.in_pieces(items, self._features)

    def _features(self, items: Sequence[ImageItem]) -> Tensor:
        pixels = self._images(images=[item.image for item in items], return_tensors="pt").to(self.device)
        with torch.inference_mode():
            output = self._model(pixel_values=pixels["pixel_values"].to(self._model.dtype))
        pooled: Tensor | None = output.pooler_output
        # Its pooler is left out of some checkpoints; the class token is what it would have pooled.
        return output.last_hidden_state[:, 0] if pooled is None else pooled
