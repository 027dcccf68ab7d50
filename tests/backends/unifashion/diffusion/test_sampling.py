"""The noise schedule and the samplers against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from fashionbench_unifashion.diffusion.config import NoiseConfig
from fashionbench_unifashion.diffusion.sampling import (
    add_noise,
    cumulative_alphas,
    predicted_noise,
    sample_latents,
    scheduler,
    seeded_noise,
    target,
)

NOISE = NoiseConfig()


def _alphas():
    betas = np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2
    return np.cumprod(1 - betas)


def test_the_schedule_is_stable_diffusion_s():
    alphas = cumulative_alphas(NOISE)
    np.testing.assert_allclose(alphas.numpy(), _alphas(), rtol=1e-6)
    # The trace of the truth that starting from it leaves behind.
    assert math.sqrt(float(alphas[999])) == pytest.approx(0.068, abs=5e-4)


def test_the_schedule_is_the_one_that_the_samplers_walk():
    for noise in (NOISE, NoiseConfig(schedule="linear", train_steps=100)):
        theirs = scheduler(noise, "ddim", 10, "leading").alphas_cumprod
        torch.testing.assert_close(cumulative_alphas(noise), theirs)


def test_noise_is_added_by_the_closed_form():
    latents, noise = torch.tensor([2.0, 2.0]).view(2, 1, 1, 1), torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    noisy = add_noise(latents, noise, torch.tensor([0.64, 0.36]))
    torch.testing.assert_close(noisy.flatten(), torch.tensor([0.8 * 2 + 0.6, 0.6 * 2 - 0.8]))


def test_one_step_at_a_time_adds_up_to_the_closed_form():
    """The variances of single steps, composed, are those of the closed form."""
    betas = np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2
    mean, variance = 1.0, 0.0
    for beta in betas[:301]:
        mean, variance = mean * math.sqrt(1 - beta), variance * (1 - beta) + beta
    alpha = float(cumulative_alphas(NOISE)[300])
    assert mean == pytest.approx(math.sqrt(alpha), rel=1e-5) and variance == pytest.approx(1 - alpha, rel=1e-5)


def test_noise_of_a_seed_does_not_depend_on_its_neighbours():
    like = torch.zeros(())
    batch = seeded_noise((4, 2, 2), [3, 1, 2], like)
    for row, seed in enumerate([3, 1, 2]):
        assert torch.equal(batch[row], seeded_noise((4, 2, 2), [seed], like)[0])


def test_ddim_follows_its_formula():
    """Song et al. (2021), equation 12, with sigma 0."""
    alphas = _alphas()
    walk = scheduler(NOISE, "ddim", 5, "trailing")
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


def test_v_is_a_rotation_of_latents_and_noise():
    latents, noise = torch.tensor([2.0]).view(1, 1, 1, 1), torch.tensor([1.0]).view(1, 1, 1, 1)
    alphas = torch.tensor([0.64])
    assert target(latents, noise, alphas, "v").item() == pytest.approx(0.8 * 1 - 0.6 * 2)
    assert target(latents, noise, alphas, "epsilon") is noise
    noisy, v = add_noise(latents, noise, alphas), target(latents, noise, alphas, "v")
    torch.testing.assert_close(0.8 * noisy - 0.6 * v, latents)


@pytest.mark.parametrize("sampler", ["ddim", "pndm"])
@pytest.mark.parametrize("spacing", ["leading", "trailing"])
@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_with_the_true_prediction_every_sampler_comes_back_to_the_latents(sampler, spacing, prediction):
    latents = torch.randn(2, 4, 3, 2, generator=torch.Generator().manual_seed(1))
    noise = seeded_noise((4, 3, 2), [0, 1], latents)
    alphas = cumulative_alphas(NOISE)
    walk = scheduler(NOISE, sampler, 20, spacing)

    def predict(noisy, step):
        predicted = target(latents, noise, alphas[step].expand(2), prediction)
        return predicted_noise(noisy, predicted, alphas[step], prediction)

    start = add_noise(latents, noise, alphas[walk.timesteps[0]].expand(2))
    expected = add_noise(latents, noise, alphas[:1].expand(2))
    torch.testing.assert_close(sample_latents(start, predict, walk), expected, rtol=1e-3, atol=1e-3)


def test_plms_calls_the_network_once_more_than_it_has_steps():
    calls = []
    walk = scheduler(NOISE, "pndm", 50, "leading")

    def predict(latents, step):
        calls.append(step)
        return latents

    sample_latents(torch.zeros(1, 4, 2, 2), predict, walk)
    assert len(calls) == 51 and calls[0] == 981 and calls[-1] == 1
