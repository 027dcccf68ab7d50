"""Sizes of diffusion models for tests: Stable Diffusion's networks, and small ones."""

from __future__ import annotations

from typing import Any

from fashionbench_unifashion.diffusion.config import DiffusionConfig, NetworkConfig, VaeConfig

#: The UNet of Stable Diffusion 1.x with 4 input channels: 859,520,964 parameters.
SD14_UNET: dict[str, Any] = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "layers_per_block": 2,
    "down_block_types": ("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    "attention_head_dim": 8,
    "cross_attention_dim": 768,
}

#: The autoencoder of Stable Diffusion 1.x: 83,653,863 parameters, latents of an eighth of the image's sides.
SD14_VAE: dict[str, Any] = {
    "sample_size": 512,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "latent_channels": 4,
    "scaling_factor": 0.18215,
}


def small_unet(channels: tuple[int, ...], *, width: int, heads: int, groups: int = 32) -> dict[str, Any]:
    """Arguments of a UNet with one layer a block and attention at every resolution.

    :param channels: of each resolution, fine to coarse.
    :param width: of the condition that it attends to.
    """
    return {
        "block_out_channels": channels,
        "layers_per_block": 1,
        "down_block_types": ("CrossAttnDownBlock2D",) * len(channels),
        "up_block_types": ("CrossAttnUpBlock2D",) * len(channels),
        "attention_head_dim": heads,
        "cross_attention_dim": width,
        "norm_num_groups": groups,
    }


def small_vae(channels: tuple[int, ...], *, groups: int = 32) -> dict[str, Any]:
    """Arguments of an autoencoder with one layer a block, halving the sides at each resolution after the first."""
    return {
        "block_out_channels": channels,
        "layers_per_block": 1,
        "down_block_types": ("DownEncoderBlock2D",) * len(channels),
        "up_block_types": ("UpDecoderBlock2D",) * len(channels),
        "latent_channels": 4,
        "norm_num_groups": groups,
    }


def tiny_vae(channels: tuple[int, ...]) -> dict[str, Any]:
    """Arguments of an ``AutoencoderTiny`` with one layer a block, halving the sides after each resolution but one."""
    blocks = [1] * len(channels)
    return {
        "encoder_block_out_channels": channels,
        "decoder_block_out_channels": channels[::-1],
        "num_encoder_blocks": blocks,
        "num_decoder_blocks": blocks,
        "latent_channels": 4,
        "upsampling_scaling_factor": 2,
    }


def nano(**changes: Any) -> DiffusionConfig:
    """Make a size for tests: 24 wide, 32 high, latents of 16 x 12."""
    fields: dict[str, Any] = {
        "unet": NetworkConfig(architecture=small_unet((8, 16), width=12, heads=2, groups=4)),
        "vae": VaeConfig(architecture=small_vae((8, 8), groups=4)),
        "width": 24,
        "height": 32,
        "sampler": "ddim",
        "steps": 4,
        "spacing": "trailing",
    }
    return DiffusionConfig(**fields | changes)
