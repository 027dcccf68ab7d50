"""Composed retrieval without training: caption the reference, let a language model change the caption, encode the text.

In the manner of CIReVL (Karthik et al., "Vision-by-Language for Training-Free Compositional Image Retrieval", ICLR
2024); the prompts are this project's own.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fashionbench.data.items import TextItem
from fashionbench_models.pipelines.options import ComposeOptions, filled
from fashionbench_models.pipelines.parts import captioner, language_model, open_model
from fashionbench_models.question import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

    from fashionbench.data.items import ComposedItem, ImageItem
    from fashionbench.specs.capabilities import BackendContext, Capability, Role


class CaptionThenCompose:
    """A captioner, a language model, and an encoder of images and texts.

    A reference image is captioned once, however many queries begin with it. Where the language model writes nothing,
    the modification alone is encoded, and counted.

    :ivar preprocessing: every prompt, for the record.
    """

    def __init__(self, context: BackendContext) -> None:
        self.options = ComposeOptions.read(context.options)
        needs: set[Capability] = {"encode-image", "encode-text"}
        more = {"prefix": self.options.prefix} if self.options.prefix else {}
        self._encoder, spec = open_model(self.options.encoder, self.options, context, needs, "encoder", **more)
        self._captioner = captioner(self.options, context, model=self.options.caption_model)
        self._language_model = language_model(self.options.language_model, self.options, context)
        parts = (self._encoder, self._captioner, self._language_model)
        self.parameters = sum(int(getattr(one, "parameters", 0)) for one in parts)
        self._encoder_name = spec.id
        self._captions: dict[str, str] = {}
        self._asked = self._empty = 0
        self.preprocessing: dict[str, str] = {}
        self._say()

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.floating]:
        """Embed candidates as the encoder does."""
        features: NDArray[np.floating] = self._encoder.encode_images(items, role)
        return features

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.floating]:
        """Embed what the language model makes of the caption of the reference and the modification."""
        keys = [_key(item.image) for item in items]
        new = {key: item for key, item in zip(keys, items, strict=True) if key not in self._captions}
        try:
            questions = [Question(item.id, self.options.prompt, item.image) for item in new.values()]
            self._captions |= dict(zip(new, self._captioner.write(questions), strict=True))
            asked = [
                Question(item.id, filled(self.options.template, caption=self._captions[key], text=item.text))
                for key, item in zip(keys, items, strict=True)
            ]
            answers = self._language_model.write(asked)
            self._asked += len(answers)
            self._empty += sum(not answer for answer in answers)
        finally:
            self._say()
        texts = [TextItem(item.id, answer or item.text) for item, answer in zip(items, answers, strict=True)]
        features: NDArray[np.floating] = self._encoder.encode_texts(texts, "query")
        return features

    def _say(self) -> None:
        parts = (
            ("captioner", self._captioner.facts(self.options.prompt)),
            ("language model", self._language_model.facts(self.options.template)),
            ("encoder", {"model": self._encoder_name, **self._encoder.preprocessing}),
        )
        self.preprocessing = {f"{part}: {name}": text for part, facts in parts for name, text in facts.items()}
        self.preprocessing["queries"] = (
            f"{self._asked} of {len(self._captions)} references; "
            f"{self._empty} without an answer of the language model, of which the modification alone is encoded"
        )


def _key(image: Image) -> str:
    return hashlib.sha256(f"{image.mode} {image.size}".encode() + image.tobytes()).hexdigest()
