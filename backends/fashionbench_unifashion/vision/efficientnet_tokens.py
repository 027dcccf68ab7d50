"""EfficientNet-Lite0 as a source of image tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.extractors.efficientnet import STRIDES, WIDTHS, EfficientNetLite0, load, weights_path

if TYPE_CHECKING:
    from collections.abc import Sequence


class EfficientNetTokens(nn.Module):
    """Feature maps of chosen stages, averaged to the grid of the coarsest and laid side by side.

    Late stages know what is shown, early ones colour and texture.

    :param stages: from 1 to 7, in the order in which their channels stand.
    :param image_size: the side of the square images.
    """

    def __init__(self, stages: Sequence[int], image_size: int) -> None:
        super().__init__()
        # Depthwise convolutions take a third less time with the channels last.
        self.network = EfficientNetLite0().to(memory_format=torch.channels_last)
        self.stages = tuple(stages)
        self.grid = -(-image_size // max(STRIDES[stage - 1] for stage in stages))
        self.width = sum(WIDTHS[stage - 1] for stage in stages)
        self.tokens = self.grid**2

    def forward(self, pixels: Tensor) -> Tensor:
        """Compute the tokens of images [B, 3, S, S], row by row of the grid, as [B, grid², width]."""
        maps = self.network.stages(pixels.contiguous(memory_format=torch.channels_last))
        pooled = [functional.adaptive_avg_pool2d(maps[stage - 1], self.grid) for stage in self.stages]
        return torch.cat(pooled, dim=1).flatten(2).transpose(1, 2)

    def load(self) -> None:
        """Take over the weights that the package carries.

        :raises BackendError: where the package is missing, or its file is not the expected one.
        """
        self.network.load_state_dict(load(weights_path()).state_dict(), assign=True)
