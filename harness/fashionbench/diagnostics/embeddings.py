"""Embeddings of matched images and texts as diagnoses look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.items import TextItem
from fashionbench.diagnostics.geometry import unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import System

    Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Embedded:
    """Images and the texts that belong to them, place by place.

    :param vectors: of images, [N, Q, D] of norm 1; Q is 1 where an image has one vector.
    :param texts: [N, D] of norm 1.
    """

    vectors: Rows
    texts: Rows

    @property
    def scores(self) -> Rows:
        """The score of each image for each text, [texts, images]: the highest cosine over an image's vectors."""
        count, queries, width = self.vectors.shape
        products = self.texts @ self.vectors.reshape(count * queries, width).T
        best: Rows = products.reshape(len(self.texts), count, queries).max(axis=2)
        return best

    def matched(self, order: NDArray[np.int64] | None = None) -> Rows:
        """Return of each image the vector nearest to a text, [N, D].

        :param order: which text each image is taken with; by default its own.
        """
        texts = self.texts if order is None else self.texts[order]
        at = np.einsum("nqd,nd->nq", self.vectors, texts).argmax(axis=1)
        nearest: Rows = self.vectors[np.arange(len(at)), at]
        return nearest


def embedded(system: System, pairs: Sequence[SampledPair]) -> Embedded:
    """Embed photos as queries and their texts as candidates.

    Dimensions in which every text is 0 are left out: they decide no score, and a model may keep there what another kind
    of query asks for.
    """
    images = _wide(system.embed(pairs, "query"))
    texts = _wide(system.embed([TextItem(pair.id, pair.text) for pair in pairs], "candidate"))[:, 0]
    asked = (texts != 0).any(axis=0)
    return Embedded(unit(images[..., asked]), unit(texts[:, asked])) if asked.any() else Embedded(images, texts)


def _wide(rows: NDArray[np.floating[Any]]) -> Rows:
    """Return vectors as [N, Q, D]."""
    wide = rows.astype(np.float64)
    return wide[:, None] if wide.ndim == 2 else wide
