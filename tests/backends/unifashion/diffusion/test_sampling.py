"""Seeded noise, and the samplers against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fashionbench_unifashion.diffusion.config import NoiseConfig
from fashionbench_unifashion.diffusion.noise_schedule import NoiseSchedule
from fashionbench_unifashion.diffusion.sampling import sample_latents, seeded_noise

NOISE = NoiseSchedule(NoiseConfig())


def _alphas():
    betas = np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2
    return np.cumprod(1 - betas)


def test_noise_of_a_seed_does_not_depend_on_its_neighbours():
    like = torch.zeros(())
    batch = seeded_noise((4, 2, 2), [3, 1, 2], like)
    for row, seed in enumerate([3, 1, 2]):
        assert torch.equal(batch[row], seeded_noise((4, 2, 2), [seed], like)[0])


def test_ddim_follows_its_formula():
    """Song et al. (2021), equation 12, with sigma 0."""
    alphas = _alphas()
    walk = NOISE.sampler("ddim", 5, "trailing")
    steps = [999, 799, 599, 399, 199]
    assert walk.timesteps.tolist() == steps
    start = seeded_noise((4, 3, 2), [0], torch.zeros(()))
    expected = start.double().numpy()
    for step in steps:
        noise = np.sin(expected) * 0.5
        before = alphas[step - 200] if step >= 200 else alphas[0]
        clean = (expected - math.sqrt(1 - alphas[step]) * noise) / math.sqrt(alphas[step])
        expected = math.sqrt(before) * clean + math.sqrt(1 - before) * noise
    made = sample_latents(start, lambda latents, _: torch.sin(latents) * 0.5, walk)
    np.testing.assert_allclose(made.numpy(), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddim", "pndm"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_with_the_true_prediction_every_sampler_comes_back_to_the_latents(sampler, spacing, prediction):
    latents = torch.randn(2, 4, 3, 2, generator=torch.Generator().manual_seed(1))
    noise = seeded_noise((4, 3, 2), [0, 1], latents)
    schedule = NoiseSchedule(NoiseConfig(prediction=prediction))
    walk = schedule.sampler(sampler, 20, spacing)

    def predict(noisy, step):
        predicted = schedule.target(latents, noise, torch.tensor([step, step]))
        return schedule.for_sampler(sampler, noisy, predicted, step)

    first = int(walk.timesteps[0])
    start = schedule.add_noise(latents, noise, torch.tensor([first, first]))
    expected = schedule.add_noise(latents, noise, torch.tensor([0, 0]))
    torch.testing.assert_close(sample_latents(start, predict, walk), expected, rtol=1e-3, atol=1e-3)


def test_from_pure_noise_a_perfect_prediction_finds_the_latents():
    """With nothing of the image left at T, as sampling begins, whatever the noise is."""
    schedule = NoiseSchedule(NoiseConfig(schedule="zero-terminal-snr", prediction="v"))
    latents = torch.randn(2, 4, 3, 2, generator=torch.Generator().manual_seed(1))
    start = seeded_noise((4, 3, 2), [0, 1], latents)
    walk = schedule.sampler("ddim", 20, "trailing")

    def predict(noisy, step):
        # What a perfect model knows is the image alone; the noise follows from what it is given.
        left = schedule.alphas[step]
        noise = (noisy - left.sqrt() * latents) / (1 - left).sqrt()
        return schedule.target(latents, noise, torch.tensor([step, step]))

    expected = schedule.add_noise(latents, start, torch.tensor([0, 0]))
    torch.testing.assert_close(sample_latents(start, predict, walk), expected, rtol=1e-3, atol=1e-3)


def test_plms_calls_the_network_once_more_than_it_has_steps():
    calls = []
    walk = NOISE.sampler("pndm", 50, "leading")

    def predict(latents, step):
        calls.append(step)
        return latents

    sample_latents(torch.zeros(1, 4, 2, 2), predict, walk)
    assert len(calls) == 51 and calls[0] == 981 and calls[-1] == 1
