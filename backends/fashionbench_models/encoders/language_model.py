"""Multimodal language models as embedders of images, texts and both (GME, VLM2Vec and Qwen3-VL-Embedding style).

An item is one turn of a user in the chat template, after the instruction as the system's turn. Its vector is the hidden
state after the last layer: at the last token, which has seen all others, or the mean over the tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoModelForImageTextToText, AutoProcessor

from fashionbench.errors import BackendError
from fashionbench_models.chat import conversation, has_template, model_inputs
from fashionbench_models.encoders.base import Encoder
from fashionbench_models.loading import load_processor, require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image
    from torch import Tensor

    from fashionbench.data.items import ComposedItem, ImageItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role


class LanguageModelEmbedder(Encoder):
    """Vectors of norm 1, one item at a time, so that there is no padding that a vector could depend on.

    :raises BackendError: where the folder is not whole, or has no chat template.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._processor = load_processor(AutoProcessor, self.options)
        require_words(self._processor.tokenizer, self.options.model)
        if not has_template(self._processor):
            raise BackendError(f"{self.options.model} has no chat template", remedy="give an instruction-tuned model")
        self._model = self.load(AutoModelForImageTextToText)
        self.facts |= {
            "inputs": f"chat template of {type(self._processor).__name__}",
            "instruction": self.options.instruction,
            "pooling": self.options.pooling,
        }

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, D]."""
        return self._rows([(item.image, "") for item in items])

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, D]."""
        return self._rows([(None, text) for text in self.texts(items)])

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Embed images together with texts as [B, D]."""
        return self._rows([(item.image, item.text) for item in items])

    def _rows(self, inputs: Sequence[tuple[Image | None, str]]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = torch.stack([self._vector(image, text) for image, text in inputs]).cpu().numpy()
        return rows

    @torch.inference_mode()
    def _vector(self, image: Image | None, text: str) -> Tensor:
        inputs: Any = model_inputs(self._processor, conversation(image, text, self.options.instruction))
        inputs = inputs.to(self.device, self._model.dtype)
        states = self._model(**inputs, output_hidden_states=True, use_cache=False).hidden_states[-1][0].float()
        pooled = states[-1] if self.options.pooling == "last" else states.mean(dim=0)
        return nn.functional.normalize(pooled, dim=0)
