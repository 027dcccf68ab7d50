"""The control of the tie rule: one vector and one caption for everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench_baselines.controls.options import ConstantOptions
from fashionbench_baselines.options import read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem, ImageItem, PairItem, TextItem
    from fashionbench.specs.capabilities import BackendContext, Role


class Constant:
    """One vector and one caption for everything.

    Every candidate ties, so that a retrieval score is what the protocol's tie rule gives away. The option ``text`` is
    the caption.
    """

    def __init__(self, context: BackendContext) -> None:
        self._text = read_options(ConstantOptions, context.options).text

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Repeat the vector, as [B, 16] of norm 1."""
        return self._repeat(len(items))

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Repeat the vector, as [B, 16] of norm 1."""
        return self._repeat(len(items))

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Repeat the vector, as [B, 16] of norm 1."""
        return self._repeat(len(items))

    def score_pairs(self, items: Sequence[PairItem]) -> NDArray[np.float64]:
        """Score every pair 0, as [B]."""
        return np.zeros(len(items))

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:  # noqa: ARG002
        """Repeat the caption."""
        return [self._text] * len(items)

    @staticmethod
    def _repeat(count: int) -> NDArray[np.float32]:
        # 16 entries of 1/4: products and norm are exact in binary, so that the ties are exact too.
        return np.full((count, 16), 0.25, dtype=np.float32)
