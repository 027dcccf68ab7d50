"""Noise schedule of a diffusion model: one object for the noise of training and the steps of sampling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler, rescale_zero_terminal_snr
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from torch import Tensor, nn

if TYPE_CHECKING:
    from fashionbench_unifashion.diffusion.config import NoiseConfig, Prediction, Sampler


class NoiseSchedule(nn.Module):
    """The betas of a forward process, what they leave of the image, and what follows from both.

    A module without weights, so that it moves to the device of its model.
    """

    betas: Tensor
    alphas: Tensor
    """What is left of the image's variance after each step, float [T] (DDPM, equation 4)."""

    def __init__(self, config: NoiseConfig) -> None:
        super().__init__()
        self.config = config
        betas = _betas(config)
        self.register_buffer("betas", betas.float(), persistent=False)
        self.register_buffer("alphas", (1 - betas).cumprod(0).float(), persistent=False)

    def add_noise(self, latents: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Return latents after so many steps: sqrt(a) x + sqrt(1 - a) noise (DDPM, equation 4).

        :param steps: int [B].
        """
        left = self._left(steps)
        return left.sqrt() * latents + (1 - left).sqrt() * noise

    def target(self, latents: Tensor, noise: Tensor, steps: Tensor) -> Tensor:
        """Return what the UNet should predict: the noise, or v = sqrt(a) noise - sqrt(1 - a) latents."""
        if self.config.prediction == "epsilon":
            return noise
        left = self._left(steps)
        return left.sqrt() * noise - (1 - left).sqrt() * latents

    def weight(self, steps: Tensor) -> Tensor:
        """Return what the loss of each sample counts for, float [B]; see ``NoiseConfig.min_snr``."""
        left = self.alphas[steps]
        if self.config.min_snr is None:
            return torch.ones_like(left)
        ratio = left / (1 - left)
        least = ratio.clamp(max=self.config.min_snr)
        # A zero-terminal schedule has v alone, whose weight has no zero below the line.
        return least / (ratio + 1) if self.config.prediction == "v" else least / ratio

    def sampler(self, name: Sampler, steps: int, spacing: str) -> DDIMScheduler | PNDMScheduler:
        """Return a fresh sampler with these very betas, for PLMS keeps what it has predicted.

        :param spacing: as in diffusers.
        """
        common = {
            "num_train_timesteps": self.config.train_steps,
            "trained_betas": self.betas.tolist(),
            "set_alpha_to_one": False,
            "steps_offset": 1,
            "timestep_spacing": spacing,
        }
        stepper: DDIMScheduler | PNDMScheduler
        if name == "ddim":
            kinds: dict[Prediction, str] = {"epsilon": "epsilon", "v": "v_prediction"}
            stepper = DDIMScheduler(**common, clip_sample=False, prediction_type=kinds[self.config.prediction])
        else:
            stepper = PNDMScheduler(**common, skip_prk_steps=True, prediction_type="epsilon")
        stepper.alphas_cumprod = self.alphas.cpu()
        stepper.final_alpha_cumprod = stepper.alphas_cumprod[0]
        stepper.set_timesteps(steps)
        return stepper

    def for_sampler(self, name: Sampler, noisy: Tensor, predicted: Tensor, step: int) -> Tensor:
        """Return what a sampler is given for a prediction at a step.

        PLMS mixes predictions of several steps, and v of several steps do not mix: it is given the noise that v stands
        for, sqrt(a) v + sqrt(1 - a) noisy. DDIM takes v as it is: where nothing of the image is left, noise cannot tell
        it.
        """
        if name == "ddim" or self.config.prediction == "epsilon":
            return predicted
        left = self.alphas[step]
        return left.sqrt() * predicted + (1 - left).sqrt() * noisy

    def _left(self, steps: Tensor) -> Tensor:
        return self.alphas[steps].view(-1, 1, 1, 1)


def _betas(config: NoiseConfig) -> Tensor:
    if config.schedule == "linear":
        return torch.linspace(config.beta_start, config.beta_end, config.train_steps, dtype=torch.float64)
    start, end = config.beta_start**0.5, config.beta_end**0.5
    betas = torch.linspace(start, end, config.train_steps, dtype=torch.float64).square()
    if config.schedule == "zero-terminal-snr":
        rescaled: Tensor = rescale_zero_terminal_snr(betas)
        return rescaled
    return betas
