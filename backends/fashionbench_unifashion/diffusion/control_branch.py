"""The control branch: a copy of the UNet's encoder that also sees the garment or the sketch."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

from torch import Tensor, nn

from fashionbench_unifashion.diffusion.unet import embed_time, encode

if TYPE_CHECKING:
    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


class Control(nn.Module):
    """Reads what the UNet reads, and a hint, and returns its own feature maps.

    After ControlNet (Zhang et al., 2023), as StableVITON (Kim et al., CVPR 2024, section 3.2) changes it: the hint is a
    latent through one 3x3 convolution, added after the first convolution, and no convolutions of zeros follow the maps,
    for ``Injection`` has its own. The released code lets the hint's convolution begin at zero as well; of two layers of
    zeros on one road the first gets no gradient until the second has moved, so here it begins as any convolution.

    :param unet: copied, weights and all.
    :param latent: channels of the hint's latent.
    """

    def __init__(self, unet: UNet2DConditionModel, latent: int = 4) -> None:
        super().__init__()
        self.time_proj = deepcopy(unet.time_proj)
        self.time_embedding = deepcopy(unet.time_embedding)
        self.conv_in = deepcopy(unet.conv_in)
        self.down_blocks = deepcopy(unet.down_blocks)
        self.mid_block = deepcopy(unet.mid_block)
        self.hint = nn.Conv2d(latent, self.conv_in.out_channels, kernel_size=3, padding=1)

    def forward(
        self, sample: Tensor, steps: Tensor, context: Tensor, hint: Tensor, *, count: int | None = None
    ) -> list[Tensor]:
        """Return the maps at the places of the UNet's skip connections, fine to coarse, and of the middle block.

        :param sample: the UNet's input, float [B, C, h, w].
        :param steps: int [B].
        :param context: float [B, Q, W].
        :param hint: latent of the garment or the sketch, float [B, 4, h, w].
        :param count: how many maps are wanted.
        """
        return encode(self, sample, embed_time(self, sample, steps), context, hint=self.hint(hint), count=count)

    def copy_encoder(self, unet: UNet2DConditionModel) -> None:
        """Take over the weights of a UNet's encoder as they are now; the hint's convolution keeps its own."""
        for name in ("time_embedding", "conv_in", "down_blocks", "mid_block"):
            getattr(self, name).load_state_dict(getattr(unet, name).state_dict())
