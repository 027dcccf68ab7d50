"""The Combiner of CLIP4Cir: a small network that makes one query of the features of an image and of a text.

Baldrati et al., "Effective conditioned and composed image retrieval combining CLIP-based features", CVPR 2022 (demo)
and "Conditioned and composed image retrieval combining and partially fine-tuning CLIP-based features", CVPRW 2022.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Combiner(nn.Module):
    """Two projections, a network on both that adds what neither side has, and a gate that weighs the sides.

    The query is ``network(both) + gate * text + (1 - gate) * image``, with norm 1. The last layer of the network begins
    at zero, so that an untrained Combiner is the normalised sum.

    :param features: the length of the features of both sides, and of the query.
    :param projection: the length to which each side is projected.
    :param hidden: of the network and of the gate.
    :param dropout: after each hidden layer, while training.
    """

    def __init__(self, features: int, projection: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Linear(features, projection), nn.ReLU(), nn.Dropout(dropout))
        self.text = nn.Sequential(nn.Linear(features, projection), nn.ReLU(), nn.Dropout(dropout))
        self.network = nn.Sequential(
            nn.Linear(2 * projection, hidden), nn.ReLU(), nn.Dropout(dropout), _zero(nn.Linear(hidden, features))
        )
        self.gate = nn.Sequential(
            nn.Linear(2 * projection, hidden), nn.ReLU(), nn.Dropout(dropout), _zero(nn.Linear(hidden, 1)), nn.Sigmoid()
        )

    def forward(self, images: Tensor, texts: Tensor) -> Tensor:
        """Combine [B, features] and [B, features] to [B, features] of norm 1."""
        both = torch.cat([self.image(images), self.text(texts)], dim=1)
        gate = self.gate(both)
        return functional.normalize(self.network(both) + gate * texts + (1 - gate) * images, dim=1)


def _zero(layer: nn.Linear) -> nn.Linear:
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
