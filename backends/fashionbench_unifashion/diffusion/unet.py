"""The denoising UNet in two halves, so that a control branch can reach between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.networks import build

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench_unifashion.diffusion.config import NetworkConfig

#: Arguments whose forward pass is not written below, and the values under which it makes no difference.
_PLAIN: dict[str, tuple[Any, ...]] = {
    "addition_embed_type": (None,),
    "center_input_sample": (False,),
    "class_embed_type": (None,),
    "encoder_hid_dim_type": (None,),
    "mid_block_type": ("UNetMidBlock2DCrossAttn",),
    "num_class_embeds": (None,),
    "time_embedding_act_fn": (None,),
}
#: What a UNet of so many input channels sees.
_CHANNELS = {
    4: "the noisy latent alone",
    9: "the noisy latent, agnostic latent and mask",
    13: "the noisy latent, agnostic latent, mask and DensePose latent",
    17: "the noisy latent, agnostic latent, mask, DensePose latent and latent of the warped garment",
}
_BLOCKS = {"CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}


def make_unet(config: NetworkConfig, in_channels: int | None = None, *, latent: int = 4) -> UNet2DConditionModel:
    """Build a UNet, with so many input channels where a number is given.

    Channels that its weights lack start at zero, so that at first it is the narrower UNet whatever the new channels
    hold: 4 of Stable Diffusion, or 9 of Paint-by-Example, whose order and mask polarity are these (noisy latent, known
    latent, 1 = keep). ControlNet and Paint-by-Example begin so too.

    :param in_channels: noisy latent 4, agnostic latent 4, mask 1, DensePose latent 4, warped garment 4, in this order.
    :param latent: channels of a latent, which it predicts.
    :raises ConfigError: on a UNet of a kind whose forward pass is not written here, or with more channels than wanted.
    """
    unet: UNet2DConditionModel = build(UNet2DConditionModel, config)
    odd = {name: unet.config[name] for name, plain in _PLAIN.items() if unet.config[name] not in plain}
    kinds = {*unet.config["down_block_types"], *unet.config["up_block_types"]} - _BLOCKS
    if odd or kinds:
        raise ConfigError(f"this kind of UNet is not supported: {odd or sorted(kinds)}", remedy="use one like SD 1.x")
    if unet.config["out_channels"] != latent:
        raise ConfigError(
            f"the UNet predicts {unet.config['out_channels']} channels, and latents of the VAE have {latent}",
            remedy="take both of one model, or set out_channels of the UNet's architecture",
        )
    if in_channels is not None:
        widen(unet, in_channels)
    return unet


def widen(unet: UNet2DConditionModel, in_channels: int) -> int:
    """Give a UNet more input channels, with weights of zero; return how many were added.

    :raises ConfigError: where it has more already.
    """
    old: nn.Conv2d = unet.conv_in
    if old.in_channels > in_channels:
        raise ConfigError(
            f"the UNet has {_said(old.in_channels)}, and the configured conditions need {_said(in_channels)}",
            remedy="switch on the conditions that it was trained with",
        )
    if old.in_channels == in_channels:
        return 0
    new = nn.Conv2d(in_channels, old.out_channels, old.kernel_size, padding=old.padding)  # type: ignore[arg-type]
    with torch.no_grad():
        new.weight.zero_()
        new.weight[:, : old.in_channels] = old.weight
        if new.bias is not None and old.bias is not None:
            new.bias.copy_(old.bias)
    unet.conv_in = new
    unet.register_to_config(in_channels=in_channels)
    return in_channels - int(old.in_channels)


def _said(channels: int) -> str:
    return f"{channels} input channels ({_CHANNELS.get(channels, 'of other conditions')})"


def embed_time(unet: Any, sample: Tensor, steps: Tensor) -> Tensor:
    """Embed the steps: int [B] to float [B, E], for a UNet or what has its time embedding."""
    embedded: Tensor = unet.time_embedding(unet.time_proj(steps).to(sample.dtype))
    return embedded


def encode(
    unet: Any, sample: Tensor, time: Tensor, context: Tensor, *, hint: Tensor | None = None, count: int | None = None
) -> list[Tensor]:
    """Run the encoder and the middle block of a UNet, or of what has the same blocks.

    :param sample: float [B, C, h, w].
    :param time: what ``embed_time`` returned.
    :param context: float [B, Q, W], attended to.
    :param hint: float [B, C0, h, w], added after the first convolution.
    :param count: how many maps are wanted; blocks whose maps nobody reads are not run.
    :returns: the map at each place of a skip connection, fine to coarse, then that of the middle block.
    """
    hidden: Tensor = unet.conv_in(sample)
    maps = [hidden if hint is None else hidden + hint]
    for block in unet.down_blocks:
        if count is not None and len(maps) >= count:
            return maps[:count]
        attends = {"encoder_hidden_states": context} if getattr(block, "has_cross_attention", False) else {}
        maps.extend(block(hidden_states=maps[-1], temb=time, **attends)[1])
    if count is not None and len(maps) >= count:
        return maps[:count]
    return [*maps, unet.mid_block(maps[-1], time, encoder_hidden_states=context)]


def decode(
    unet: UNet2DConditionModel,
    maps: list[Tensor],
    time: Tensor,
    context: Tensor,
    inject: Callable[[int, Tensor], Tensor] | None = None,
) -> Tensor:
    """Run the decoder of a UNet.

    :param maps: what ``encode`` returned.
    :param inject: changes a decoder's feature before the skip connection joins it, given the number of the layer from
        coarse to fine; this is where StableVITON's decoder meets its control branch.
    :returns: the predicted noise, float [B, 4, h, w].
    """
    hidden, skips = maps[-1], list(maps[:-1])
    place = 0
    block: Any
    for block in unet.up_blocks:
        attentions = block.attentions if getattr(block, "has_cross_attention", False) else [None] * len(block.resnets)
        for resnet, attention in zip(block.resnets, attentions, strict=True):
            if inject is not None:
                hidden = inject(place, hidden)
            hidden = resnet(torch.cat([hidden, skips.pop()], dim=1), time)
            if attention is not None:
                hidden = attention(hidden, encoder_hidden_states=context, return_dict=False)[0]
            place += 1
        for upsampler in block.upsamplers or ():
            hidden = upsampler(hidden)
    if unet.conv_norm_out is not None:
        hidden = unet.conv_act(unet.conv_norm_out(hidden))
    predicted: Tensor = unet.conv_out(hidden)
    return predicted


def skip_channels(unet: Any) -> list[int]:
    """Channels of the map at each place of a skip connection, fine to coarse: 12 places in Stable Diffusion."""
    channels = [int(unet.conv_in.out_channels)]
    for block in unet.down_blocks:
        channels += [int(resnet.out_channels) for resnet in block.resnets]
        channels += [int(down.out_channels) for down in block.downsamplers or ()]
    return channels
