"""Noise schedule, and deterministic samplers (DDIM, PLMS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from diffusers.schedulers.scheduling_pndm import PNDMScheduler
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fashionbench_unifashion.diffusion.config import NoiseConfig, Prediction, Sampler


def cumulative_alphas(noise: NoiseConfig) -> Tensor:
    """Return what is left of the image's variance after each step, float [T] (DDPM, equation 4)."""
    if noise.schedule == "linear":
        betas = torch.linspace(noise.beta_start, noise.beta_end, noise.train_steps, dtype=torch.float64)
    else:
        start, end = noise.beta_start**0.5, noise.beta_end**0.5
        betas = torch.linspace(start, end, noise.train_steps, dtype=torch.float64).square()
    return (1 - betas).cumprod(0).float()


def add_noise(latents: Tensor, noise: Tensor, alphas: Tensor) -> Tensor:
    """Return latents after so many steps: sqrt(a) x + sqrt(1 - a) noise (DDPM, equation 4).

    :param alphas: what ``cumulative_alphas`` says of each sample's step, float [B].
    """
    left = alphas.view(-1, 1, 1, 1)
    return left.sqrt() * latents + (1 - left).sqrt() * noise


def target(latents: Tensor, noise: Tensor, alphas: Tensor, prediction: Prediction) -> Tensor:
    """Return what the UNet should predict: the noise, or v = sqrt(a) noise - sqrt(1 - a) latents.

    :param alphas: what ``cumulative_alphas`` says of each sample's step, float [B].
    """
    if prediction == "epsilon":
        return noise
    left = alphas.view(-1, 1, 1, 1)
    return left.sqrt() * noise - (1 - left).sqrt() * latents


def predicted_noise(noisy: Tensor, predicted: Tensor, alpha: Tensor, prediction: Prediction) -> Tensor:
    """Return the noise that a prediction stands for: itself, or sqrt(a) v + sqrt(1 - a) noisy.

    Samplers are given noise alone, for PLMS mixes predictions of several steps, and v of several steps do not mix.

    :param alpha: what ``cumulative_alphas`` says of the step, a scalar.
    """
    return predicted if prediction == "epsilon" else alpha.sqrt() * predicted + (1 - alpha).sqrt() * noisy


def seeded_noise(shape: Sequence[int], seeds: Sequence[int], like: Tensor) -> Tensor:
    """Draw standard normal noise of one shape for each seed, so that no sample depends on its neighbours.

    It is drawn on the processor, so that it does not depend on the device either.

    :param like: gives the device and the type.
    :returns: float [len(seeds), *shape].
    """
    drawn = [torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn).to(like)


def scheduler(noise: NoiseConfig, sampler: Sampler, steps: int, spacing: str) -> DDIMScheduler | PNDMScheduler:
    """Return a fresh sampler, for PLMS keeps what it has predicted; Stable Diffusion's settings."""
    common = {
        "num_train_timesteps": noise.train_steps,
        "beta_start": noise.beta_start,
        "beta_end": noise.beta_end,
        "beta_schedule": noise.schedule,
        "set_alpha_to_one": False,
        "steps_offset": 1,
        "timestep_spacing": spacing,
        "prediction_type": "epsilon",
    }
    stepper: DDIMScheduler | PNDMScheduler
    if sampler == "ddim":
        stepper = DDIMScheduler(**common, clip_sample=False)
    else:
        stepper = PNDMScheduler(**common, skip_prk_steps=True)
    stepper.set_timesteps(steps)
    return stepper


def sample_latents(
    start: Tensor, predict: Callable[[Tensor, int], Tensor], steps: DDIMScheduler | PNDMScheduler
) -> Tensor:
    """Walk from noise to latents.

    :param start: float [B, 4, h, w] at the sampler's first step.
    :param predict: the noise in latents at a step.
    """
    latents = start
    for step in torch.as_tensor(steps.timesteps).tolist():
        latents = steps.step(predict(latents, step), step, latents, return_dict=False)[0]
    return latents
