"""Models of transformers with image and text features: CLIP, Chinese-CLIP, ALIGN, AltCLIP, SigLIP, SigLIP 2.

Called as the documentation of transformers calls them: ``get_image_features`` and ``get_text_features`` on what the
folder's own processor makes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.files import expanded
from fashionbench_models.encoders.base import features
from fashionbench_models.encoders.composition import ImageTextEncoder
from fashionbench_models.encoders.positions import positions
from fashionbench_models.encoders.pseudo_word import BEGINNING, Prompts, PseudoWord
from fashionbench_models.encoders.pseudo_word_folder import load
from fashionbench_models.loading import load_processor, require_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fashionbench.data.items import ComposedItem
    from fashionbench.specs.capabilities import BackendContext, Role


class TwoTowers(ImageTextEncoder):
    """Image tower and text tower with projections into one space; texts are padded to the longest of a batch.

    Texts beyond the network's positions are cut, and counted in :attr:`counters`.

    :raises BackendError: where the folder is not whole.
    """

    #: How texts are padded.
    padding: bool | str = True
    compositions = (*ImageTextEncoder.compositions, "inversion")

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._model = self.load(AutoModel)
        self._images = load_processor(AutoImageProcessor, self.options)
        self._tokenizer = load_processor(AutoTokenizer, self.options)
        require_words(self._tokenizer, self.options.model)
        self.limit = positions(self._model, self._tokenizer)
        self.facts |= {
            "images": f"{type(self._images).__name__} {_size(self._images)}".strip(),
            "texts": f"{type(self._tokenizer).__name__}, at most {self.limit} tokens, padding {self.padding}",
        }

        self._inversion: PseudoWord | None = None
        if self.options.composition == "inversion":
            self._prompts = Prompts(self._model, self._tokenizer, self.limit, self.padding)
            folder = expanded(self.options.inversion)
            self._inversion = load(folder, Path(self.options.model)).to(self.device)
            self.facts["composed queries"] = f"{BEGINNING} $ that TEXT, $ by textual inversion of the image"

    def counted(self) -> dict[str, str]:
        """Say how many texts were cut."""
        cut = self.counters.get("texts cut")
        return super().counted() | ({"texts cut": f"{cut} of those encoded in this run"} if cut else {})

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Embed composed queries as [B, D]."""
        network = self._inversion
        if network is None:
            return super().encode_composed(items)
        return self.in_pieces(items, lambda piece: self._inverted(piece, network))

    @torch.inference_mode()
    def _inverted(self, items: Sequence[ComposedItem], network: PseudoWord) -> Tensor:
        images = self._image_features(self.references(items)).float().to(self.device)
        texts = self.texts([TextItem(item.id, item.text) for item in items])
        words = network(nn.functional.normalize(images, dim=1))
        return self._prompts.features(words, [f"that {text}" for text in texts])

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, D]."""
        return self.in_pieces(items, self._image_features)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed texts as [B, D]."""
        return self.in_pieces(self.texts(items), self._text_features)

    def _image_features(self, items: Sequence[ImageItem]) -> Tensor:
        pixels = self._images(images=[item.image for item in items], return_tensors="pt").to(self.device)
        pixels["pixel_values"] = pixels["pixel_values"].to(self._model.dtype)
        with torch.inference_mode():
            return features(self._model.get_image_features(**pixels))

    def _text_features(self, texts: Sequence[str]) -> Tensor:
        cut = sum(len(self._tokenizer(text, verbose=False)["input_ids"]) > self.limit for text in texts)
        if cut:
            self.count("texts cut", cut)
        tokens: Any = self._tokenizer(
            list(texts), padding=self.padding, truncation=True, max_length=self.limit, return_tensors="pt"
        ).to(self.device)
        with torch.inference_mode():
            return features(self._model.get_text_features(**tokens))


class Siglip(TwoTowers):
    """SigLIP (Zhai et al., ICCV 2023) and SigLIP 2 (Tschannen et al., 2025).

    Both were trained on texts that are padded to the full length, without which their vectors are others; SigLIP 2 on
    lower-cased texts.
    """

    padding = "max_length"

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        self._lower = self._model.config.model_type == "siglip2"
        if self._lower:
            self.facts["texts"] += ", lower case"

    def texts(self, items: Sequence[TextItem]) -> list[str]:
        """Return the texts, in lower case for SigLIP 2."""
        return [text.lower() if self._lower else text for text in super().texts(items)]


def _size(processor: Any) -> str:
    size = getattr(processor, "crop_size", None) or getattr(processor, "size", None)
    values = dict(size) if size else {}
    return "x".join(str(value) for value in values.values() if value)
