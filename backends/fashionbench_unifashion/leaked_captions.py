"""UniFashion with captions of a gallery that hold the words of the queries: a control of what such a leak is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.backend import UniFashionBackend

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext


class LeakedCaptions(UniFashionBackend):
    """A model whose gallery captions name, for each target, the words of the queries that it answers.

    The captions that were released with UniFashion were written with these words in view. Here they stand behind the
    caption that the model writes itself, and images that answer no query keep theirs.
    """

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        if not self._captioned:
            raise ConfigError(
                "this control has no captions that could leak", remedy="take a model that writes captions"
            )
        self._words: dict[str, list[str]] | None = None

    def reveal(self, truth: Truth) -> None:
        """Take the words of the queries, by the images that answer them."""
        words: dict[str, list[str]] = {}
        for query, images in truth.positives.items():
            for image in images:
                words.setdefault(image, []).append(truth.texts.get(query, ""))
        self._words = words

    def _gallery_captions(self, items: Sequence[ImageItem], tokens: Tensor) -> list[str]:
        if self._words is None:
            raise BackendError("the control was asked before it was shown the truth", remedy="call reveal() first")
        written = super()._gallery_captions(items, tokens)
        # One image may answer several queries, in an order that no file gives.
        told = [sorted(set(self._words.get(item.id, ())) - {""}) for item in items]
        return [", ".join([caption, *words]) for caption, words in zip(written, told, strict=True)]
