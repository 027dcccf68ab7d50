"""The control of chance: an independent random vector for each item."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench_baselines.controls.options import RandomOptions
from fashionbench_baselines.controls.unit_vectors import uniform, unit_vector
from fashionbench_baselines.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role

    Encoded = ImageItem | TextItem | ComposedItem


class Random:
    """Chance: a random unit vector for each item, drawn from the seed, the role and the item's id.

    A query and a candidate of one id are independent, so that an image does not find itself.
    """

    def __init__(self, context: BackendContext) -> None:
        self._dimension = read_options(RandomOptions, context.options).dimension
        self._seed = context.seed

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:
        """Draw a vector for each image, as [B, D] of norm 1."""
        return self._draw(items, role)

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:
        """Draw a vector for each text, as [B, D] of norm 1."""
        return self._draw(items, role)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Draw a vector for each composed query, as [B, D] of norm 1."""
        return self._draw(items, "query")

    def score_pairs(self, items: Sequence[PairItem]) -> NDArray[np.float64]:
        """Draw a score in (0, 1] for each pair of a query id and a candidate id, as [B]."""
        return np.array([uniform(1, self._seed, "pair", item.query.id, item.candidate.id)[0] for item in items])

    def _draw(self, items: Sequence[Encoded], role: Role) -> NDArray[np.float32]:
        out = np.empty((len(items), self._dimension), dtype=np.float32)
        for row, item in enumerate(items):
            out[row] = unit_vector(self._dimension, self._seed, role, item.id)
        return out
