"""BLIP-2 with its image-text matching heads (Li et al., ICML 2023): 32 query vectors an image, and ITM for pairs.

``Blip2ForImageTextRetrieval`` of transformers computes both heads at once for one batch of pairs. Here images and texts
are embedded apart, as retrieval needs, by the same layers: the score of a pair is the largest cosine over the queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoImageProcessor, AutoTokenizer, Blip2ForImageTextRetrieval

from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
from fashionbench.errors import BackendError
from fashionbench_models.encoders.base import Encoder
from fashionbench_models.loading import load_processor, require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.specs.capabilities import BackendContext, Role


class Blip2Itm(Encoder):
    """ITC embeddings, [B, Q, D] of an image and [B, D] of a text, and ITM scores of pairs.

    :raises BackendError: where the folder is not whole.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._model = self.load(Blip2ForImageTextRetrieval)
        self._images = load_processor(AutoImageProcessor, self.options)
        self._tokenizer = load_processor(AutoTokenizer, self.options)
        require_words(self._tokenizer, self.options.model)
        positions = int(self._model.config.qformer_config.max_position_embeddings)
        self.limit = min(positions, int(self._tokenizer.model_max_length))
        self.facts |= {
            "images": type(self._images).__name__,
            "texts": f"{type(self._tokenizer).__name__}, at most {self.limit} tokens",
        }

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, Q, D], each of the Q vectors of norm 1."""
        return self.in_pieces(items, self._image_vectors)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, D] of norm 1."""
        return self.in_pieces(self.texts(items), self._text_vectors)

    def score_pairs(self, items: Sequence[PairItem]) -> NDArray[np.float32]:
        """Return the difference of the two ITM logits, averaged over the queries, as [B].

        :raises BackendError: where a pair is not of one image and one text.
        """
        return self.in_pieces(items, self._match)

    def _states(self, items: Sequence[ImageItem]) -> tuple[Tensor, Tensor]:
        pixels = self._images(images=[item.image for item in items], return_tensors="pt")["pixel_values"]
        states = self._model.vision_model(pixel_values=pixels.to(self.device, self._model.dtype)).last_hidden_state
        return states, torch.ones(states.shape[:-1], dtype=torch.long, device=self.device)

    def _queries(self, count: int) -> Tensor:
        tokens: Tensor = self._model.query_tokens.expand(count, -1, -1)
        return tokens

    def _tokens(self, texts: Sequence[str]) -> Any:
        return self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self.limit, return_tensors="pt"
        ).to(self.device)

    @torch.inference_mode()
    def _image_vectors(self, items: Sequence[ImageItem]) -> Tensor:
        states, mask = self._states(items)
        output = self._model.qformer(
            query_embeds=self._queries(len(items)), encoder_hidden_states=states, encoder_attention_mask=mask
        ).last_hidden_state
        projected = self._model.vision_projection(output.to(self._model.vision_projection.weight.dtype))
        return nn.functional.normalize(projected, dim=-1)

    @torch.inference_mode()
    def _text_vectors(self, texts: Sequence[str]) -> Tensor:
        tokens = self._tokens(texts)
        output = self._model.qformer(
            query_embeds=self._model.embeddings(input_ids=tokens["input_ids"]),
            query_length=0,
            attention_mask=tokens["attention_mask"],
        ).last_hidden_state[:, 0]
        projected = self._model.text_projection(output.to(self._model.text_projection.weight.dtype))
        return nn.functional.normalize(projected, dim=-1)

    @torch.inference_mode()
    def _match(self, items: Sequence[PairItem]) -> Tensor:
        images, texts = zip(*(_image_and_text(item) for item in items), strict=True)
        states, mask = self._states(images)
        tokens, queries = self._tokens(self.texts(texts)), self._queries(len(items))
        seen = torch.ones(queries.shape[:-1], dtype=torch.long, device=self.device)
        output = self._model.qformer(
            query_embeds=self._model.embeddings(input_ids=tokens["input_ids"], query_embeds=queries),
            query_length=queries.shape[1],
            attention_mask=torch.cat([seen, tokens["attention_mask"]], dim=1),
            encoder_hidden_states=states,
            encoder_attention_mask=mask,
        ).last_hidden_state[:, : queries.shape[1]]
        logits = self._model.itm_head(output.to(self._model.itm_head.weight.dtype)).mean(dim=1)
        difference: Tensor = logits[:, 1] - logits[:, 0]
        return difference


def _image_and_text(pair: PairItem) -> tuple[ImageItem, TextItem]:
    """Sort the sides of a pair.

    :raises BackendError: where they are not an image and a text.
    """
    for image, text in ((pair.query, pair.candidate), (pair.candidate, pair.query)):
        if isinstance(image, ImageItem) and isinstance(text, TextItem):
            return image, text
    sides = (pair.query, pair.candidate)
    kinds = " and ".join("image with text" if isinstance(side, ComposedItem) else type(side).__name__ for side in sides)
    raise BackendError(f"BLIP-2 matches an image with a text, and {pair.id} is {kinds}", remedy="leave re-ranking out")
