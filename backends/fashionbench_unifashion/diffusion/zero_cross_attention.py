"""Zero cross-attention blocks: where the UNet's decoder looks at the maps of the control branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.unet import skip_channels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel


@dataclass(frozen=True, slots=True)
class Place:
    """A layer of the decoder, and the skip connection that joins it.

    :param query: channels of the feature that comes in from below.
    :param key: channels of the control map at the same skip connection.
    :param heads: of attention at this level.
    """

    query: int
    key: int
    heads: int


def places(unet: UNet2DConditionModel) -> list[list[Place]]:
    """List the decoder's layers from coarse to fine, block by block."""
    skips = skip_channels(unet)
    # diffusers calls the number of heads attention_head_dim in UNets like Stable Diffusion's.
    given = unet.config["attention_head_dim"]
    heads = [given] * len(unet.up_blocks) if isinstance(given, int) else list(reversed(given))
    layers: list[list[Place]] = []
    block: Any
    for block, count in zip(unet.up_blocks, heads, strict=True):
        keys = [skips.pop() for _ in block.resnets]
        pairs = zip(block.resnets, keys, strict=True)
        layers.append([Place(int(resnet.in_channels) - key, key, count) for resnet, key in pairs])
    return layers


class ZeroCrossAttention(nn.Module):
    """Adds to a feature what attention to a control map finds; at first that is zero.

    Self-attention, cross-attention from the feature to the pixels of the map, and a feed-forward layer, then a 1x1
    convolution that starts at zero (StableVITON, section 3.2). In its released code the projection before it starts at
    zero too, with which neither has a gradient at first but for its bias.
    """

    def __init__(self, place: Place, groups: int) -> None:
        super().__init__()
        if place.query % place.heads:
            raise ConfigError(
                f"{place.query} channels do not divide into {place.heads} heads", remedy="change the UNet's heads"
            )
        self.attention = Transformer2DModel(
            num_attention_heads=place.heads,
            attention_head_dim=place.query // place.heads,
            in_channels=place.query,
            norm_num_groups=groups,
            cross_attention_dim=place.key,
        )
        self.out = nn.Conv2d(place.query, place.query, kernel_size=1)
        nn.init.zeros_(self.out.weight)
        if self.out.bias is not None:
            nn.init.zeros_(self.out.bias)

    def forward(self, feature: Tensor, control: Tensor) -> Tensor:
        """Return the feature, float [B, C, h, w], after a look at a control map, float [B, K, h, w]."""
        keys = control.flatten(2).transpose(1, 2)
        attended: Tensor = self.attention(feature, encoder_hidden_states=keys, return_dict=False)[0]
        added: Tensor = self.out(attended)
        return feature + added


class Injection(nn.Module):
    """The zero cross-attention blocks of a decoder: one a layer, but none at the coarsest resolution.

    :raises ConfigError: on a UNet of one resolution.
    """

    def __init__(self, unet: UNet2DConditionModel) -> None:
        super().__init__()
        coarsest, *finer = places(unet)
        if not finer:
            raise ConfigError("a hint needs a UNet of two resolutions or more", remedy="add a block, or drop the hint")
        self.first = len(coarsest)
        groups = int(unet.config["norm_num_groups"])
        self.blocks = nn.ModuleList(ZeroCrossAttention(place, groups) for block in finer for place in block)

    def forward(self, place: int, feature: Tensor, control: Sequence[Tensor]) -> Tensor:
        """Change the feature that enters a layer of the decoder.

        :param place: the number of the layer, coarse to fine, counted over the whole decoder.
        :param control: the control branch's maps, fine to coarse, of which as many are read as there are blocks.
        """
        number = place - self.first
        if number < 0:
            return feature
        changed: Tensor = self.blocks[number](feature, control[len(self.blocks) - 1 - number])
        return changed
