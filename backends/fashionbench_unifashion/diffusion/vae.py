"""Variational autoencoder between images and latents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from torch import Tensor, nn
from torch.nn import functional

from fashionbench.errors import BackendError
from fashionbench_unifashion.diffusion.batch_rng import batch_rng
from fashionbench_unifashion.diffusion.networks import build

if TYPE_CHECKING:
    from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

    from fashionbench_unifashion.diffusion.batch_rng import BatchRng
    from fashionbench_unifashion.diffusion.config import VaeConfig


#: Standard deviation of what is added to the latents of an ``AutoencoderTiny`` in training; they lie within -3 and 3.
LATENT_NOISE = 0.1


class Autoencoder(nn.Module):
    """An autoencoder of diffusers with latents of unit scale (Rombach et al., CVPR 2022, section 3.1, appendix G).

    The scale is part of the state, for a model that was trained with one is worth nothing with another.

    :param config: of the network.
    :param scale: what latents are multiplied by; None takes the network's, 0.18215 by default.
    """

    scale: Tensor

    def __init__(self, config: VaeConfig, scale: float | None = None) -> None:
        super().__init__()
        self.network: AutoencoderKL | AutoencoderTiny
        self.network = build(network_class(config), config)
        default = float(self.network.config["scaling_factor"])
        self.register_buffer("scale", torch.tensor(default if scale is None else scale))

    @property
    def channels(self) -> int:
        """Channels of a latent: 4 of Stable Diffusion."""
        return int(self.network.config["latent_channels"])

    @property
    def factor(self) -> int:
        """How many pixels a side one latent stands for."""
        blocks = "encoder_block_out_channels" if isinstance(self.network, AutoencoderTiny) else "block_out_channels"
        return int(2 ** (len(self.network.config[blocks]) - 1))

    def encode(
        self, images: Tensor, *, sample: bool = False, generator: BatchRng | torch.Generator | None = None
    ) -> Tensor:
        """Encode images in [-1, 1], float [B, 3, H, W], to scaled latents, float [B, C, H / factor, W / factor].

        :param sample: draw from the posterior, as training does; the mean by default, and where there is none.
        """
        if isinstance(self.network, AutoencoderTiny):
            return self._latents(images) * self.scale
        posterior = self.network.encode(images).latent_dist
        latents: Tensor = _drawn(posterior, generator) if sample else posterior.mode()
        return latents * self.scale

    def decode(self, latents: Tensor) -> Tensor:
        """Decode scaled latents to images, which may leave [-1, 1] a little."""
        images: Tensor = self.network.decode(latents / self.scale).sample
        return images

    @torch.no_grad()
    def measure_scale(self, images: Tensor) -> float:
        """Set the scale to one over the standard deviation of the latents of these images, and return it.

        :raises BackendError: where all latents are equal or one is not finite.
        """
        deviation = float((self.encode(images) / self.scale).std())
        if not math.isfinite(deviation) or deviation <= 0:
            raise BackendError(f"the latents have a standard deviation of {deviation}", remedy="train the VAE anew")
        self.scale.fill_(1 / deviation)
        return 1 / deviation

    def loss(
        self,
        images: Tensor,
        *,
        distance: Literal["l1", "mse"] = "mse",
        kl_weight: float = 1e-5,
        generator: BatchRng | torch.Generator | None = None,
    ) -> Tensor:
        """Return the mean reconstruction error a value plus ``kl_weight`` times the mean divergence a latent (nats).

        The divergence is that of N(mean, variance) from N(0, 1) (Kingma and Welling, 2014, appendix B), and small on
        purpose: latents need not be normal, only of one scale. There is no perceptual and no adversarial term, so this
        is for small VAEs on flat images, not for a replacement of Stable Diffusion's. Such a VAE learns outlines
        first and colours long after; squared errors bring the colours sooner than absolute ones. An ``AutoencoderTiny``
        has no divergence: a little noise is added to its latents, so that those nearby decode alike.

        :param images: float [B, 3, H, W] in [-1, 1].
        """
        reconstruction_error = functional.l1_loss if distance == "l1" else functional.mse_loss
        if isinstance(self.network, AutoencoderTiny):
            latents = self._latents(images)
            noise = LATENT_NOISE * batch_rng(generator).normal(latents)
            return reconstruction_error(self.network.decode(latents + noise).sample, images)
        posterior = self.network.encode(images).latent_dist
        error = reconstruction_error(self.network.decode(_drawn(posterior, generator)).sample, images)
        divergence = 0.5 * (posterior.mean.square() + posterior.var - 1 - posterior.logvar).mean()
        loss: Tensor = error + kl_weight * divergence
        return loss

    def _latents(self, images: Tensor) -> Tensor:
        latents: Tensor = self.network.encode(images).latents
        return latents


def network_class(config: VaeConfig) -> type[AutoencoderKL | AutoencoderTiny]:
    """Return the class of diffusers that a configuration names."""
    kind: type[AutoencoderKL | AutoencoderTiny] = AutoencoderKL
    if config.network == "AutoencoderTiny":
        kind = AutoencoderTiny
    return kind


def _drawn(posterior: DiagonalGaussianDistribution, generator: BatchRng | torch.Generator | None) -> Tensor:
    mean: Tensor = posterior.mean
    std: Tensor = posterior.std
    return mean + std * batch_rng(generator).normal(mean)
