"""Composed queries by a model of two towers: the reference image and the text as one vector, without training."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.items import ImageItem, TextItem
from fashionbench.errors import BackendError
from fashionbench_models.encoders.base import Encoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float32]


class ImageTextEncoder(Encoder, ABC):
    """An encoder of images and of texts into one space, and of composed queries by the option ``composition``.

    ``sum`` is ``(1 - alpha) * image + alpha * text`` of features that have norm 1 before they are added, ``image`` and
    ``text`` are one side alone. The option ``alpha`` is 0.5 unless it is given: one that was tuned saw the data that
    it was tuned on.
    """

    #: What the option ``composition`` may be.
    compositions: tuple[str, ...] = ("sum", "image", "text")

    def __init__(self, context: BackendContext) -> None:
        super().__init__(context)
        if self.options.composition not in self.compositions:
            msg = f"{type(self).__name__} has no composition={self.options.composition}"
            raise BackendError(msg, remedy=f"it is one of {', '.join(self.compositions)}")
        alpha = self.options.alpha
        self.facts["composed queries"] = {
            "sum": f"{1 - alpha:g} x image + {alpha:g} x text, each of norm 1 before the sum",
            "image": "the reference image alone",
            "text": "the text alone",
            "inversion": "by textual inversion",
        }[self.options.composition]
        if self.options.region == "box":
            if self.options.composition == "text":
                msg = "region=box says what of the reference is shown, and composition=text shows nothing of it"
                raise BackendError(msg, remedy="leave one of the two out")
            self.facts["region"] = "of the reference what lies in the box, where there is one"

    def references(self, items: Sequence[ComposedItem]) -> list[ImageItem]:
        """Return what of the reference images the model is shown, by the option ``region``.

        :raises DataError: where the box of a query lies beside its image.
        """
        if self.options.region != "box":
            return [ImageItem(item.id, item.image) for item in items]
        first = "queries" not in self.counters
        self.count("queries", len(items))
        self.count("queries with a box", sum(item.box is not None for item in items))
        if first and not self.counters["queries with a box"]:
            warnings.warn(
                f"region=box: none of the first {len(items)} queries has a box; without one the whole image is shown",
                stacklevel=2,
            )
        return [ImageItem(item.id, item.anchor) for item in items]

    def counted(self) -> dict[str, str]:
        """Say how many queries had a box, where that was asked."""
        boxed, asked = self.counters.get("queries with a box"), self.counters.get("queries")
        return {} if not asked else {"boxes": f"{boxed} of the {asked} queries that were encoded have one"}

    @abstractmethod
    def encode_images(self, items: Sequence[ImageItem], role: Role) -> Floats:
        """Embed images as [B, D]."""

    @abstractmethod
    def encode_texts(self, items: Sequence[TextItem], role: Role) -> Floats:
        """Embed texts as [B, D]."""

    def encode_composed(self, items: Sequence[ComposedItem]) -> Floats:
        """Embed composed queries as [B, D]."""
        sides: list[Floats] = []
        weight = {"sum": self.options.alpha, "image": 0.0, "text": 1.0}[self.options.composition]
        if self.options.composition != "text":
            images = self.encode_images(self.references(items), "query")
            sides.append(np.float32(1 - weight) * unit(images))
        if self.options.composition != "image":
            texts = self.encode_texts([TextItem(item.id, item.text) for item in items], "query")
            sides.append(np.float32(weight) * unit(texts))
        queries: Floats = np.sum(sides, axis=0, dtype=np.float32)
        return queries


def unit(rows: Floats) -> Floats:
    """Give each row norm 1; a row of zeros has no direction and becomes NaN, which the run refuses."""
    with np.errstate(invalid="ignore"):
        normed: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return normed
