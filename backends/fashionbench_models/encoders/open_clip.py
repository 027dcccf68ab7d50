"""Weights in the layout of OpenCLIP's hub repositories, by the package open_clip_torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.errors import BackendError, reason_of
from fashionbench_models.encoders.base import count_parameters
from fashionbench_models.encoders.composition import ImageTextEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ImageItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role


class OpenClip(ImageTextEncoder):
    """A model of OpenCLIP with its own transform and tokenizer.

    :raises BackendError: where the folder is not whole.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        import open_clip  # noqa: PLC0415

        name = f"local-dir:{self.options.model}"
        try:
            loaded: Any = open_clip.create_model_from_pretrained(name, device=self.device, precision="fp32")
            self._tokenizer: Any = open_clip.get_tokenizer(name)
        except Exception as error:  # open_clip raises what its many readers raise
            first = reason_of(error)
            msg = f"OpenCLIP cannot load {Path(self.options.model)}, {type(error).__name__}: {first}"
            raise BackendError(
                msg, remedy="see that it holds open_clip_config.json, the weights and the tokenizer"
            ) from error
        self._model, self._transform = loaded
        self._dtype = getattr(torch, self.options.dtype)
        self._model.to(self._dtype).eval().requires_grad_(requires_grad=False)
        self.parameters = count_parameters(self._model)
        self.facts |= {
            "images": " ".join(str(self._transform).split()),
            "texts": f"{type(self._tokenizer).__name__}, {self._tokenizer.context_length} tokens",
        }

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, D]."""
        return self.in_pieces(items, self._image_features)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, D]."""
        return self.in_pieces(self.texts(items), self._text_features)

    def _image_features(self, items: Sequence[ImageItem]) -> Tensor:
        pixels = torch.stack([self._transform(item.image) for item in items]).to(self.device, self._dtype)
        with torch.inference_mode():
            found: Tensor = self._model.encode_image(pixels)
        return found

    def _text_features(self, texts: Sequence[str]) -> Tensor:
        with torch.inference_mode():
            found: Tensor = self._model.encode_text(self._tokenizer(list(texts)).to(self.device))
        return found
