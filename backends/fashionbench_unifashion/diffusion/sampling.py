"""Sampling of latents: noise from seeds, and the walk of a sampler (DDIM, PLMS) from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_pndm import PNDMScheduler


def seeded_noise(shape: Sequence[int], seeds: Sequence[int], like: Tensor) -> Tensor:
    """Draw standard normal noise of one shape for each seed, so that no sample depends on its neighbours.

    It is drawn on the processor, so that it does not depend on the device either.

    :param like: gives the device and the type.
    :returns: float [len(seeds), *shape].
    """
    drawn = [torch.randn(tuple(shape), generator=torch.Generator("cpu").manual_seed(seed)) for seed in seeds]
    return torch.stack(drawn).to(like)


def sample_latents(
    start: Tensor,
    predict: Callable[[Tensor, int], Tensor],
    steps: DDIMScheduler | PNDMScheduler,
    walked: Sequence[int] | None = None,
) -> Tensor:
    """Walk from noise to latents.

    :param start: float [B, C, h, w] at the first step that is walked.
    :param predict: what the sampler is given for latents at a step.
    :param walked: the last of the sampler's steps; None walks all.
    """
    latents = start
    for step in torch.as_tensor(steps.timesteps).tolist() if walked is None else walked:
        latents = steps.step(predict(latents, step), step, latents, return_dict=False)[0]
    return latents
