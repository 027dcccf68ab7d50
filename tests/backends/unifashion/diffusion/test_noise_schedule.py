"""The noise schedule against its formulas and the schedulers of diffusers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.config import NoiseConfig
from fashionbench_unifashion.diffusion.noise_schedule import NoiseSchedule

SD = NoiseSchedule(NoiseConfig())
ZERO = NoiseConfig(schedule="zero-terminal-snr", prediction="v")


def test_the_schedule_is_stable_diffusion_s():
    betas = np.linspace(math.sqrt(0.00085), math.sqrt(0.012), 1000) ** 2
    np.testing.assert_allclose(SD.alphas.numpy(), np.cumprod(1 - betas), rtol=1e-6)
    # The trace of the truth that starting from it leaves behind.
    assert math.sqrt(float(SD.alphas[999])) == pytest.approx(0.068, abs=5e-4)


@pytest.mark.parametrize(
    ("noise", "theirs"),
    [
        (NoiseConfig(), {"beta_schedule": "scaled_linear"}),
        (NoiseConfig(schedule="linear", train_steps=100), {"beta_schedule": "linear", "num_train_timesteps": 100}),
        (ZERO, {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}),
    ],
)
def test_training_adds_the_noise_that_the_samplers_take_away(noise, theirs):
    schedule = NoiseSchedule(noise)
    for name in ("ddim", "pndm"):
        assert torch.equal(schedule.alphas, schedule.sampler(name, 10, "trailing").alphas_cumprod)
    reference = DDIMScheduler(beta_start=0.00085, beta_end=0.012, **theirs)
    torch.testing.assert_close(schedule.alphas, reference.alphas_cumprod, rtol=1e-4, atol=1e-6)
    draw = torch.Generator().manual_seed(0)
    latents, added = (torch.randn(3, 4, 2, 2, generator=draw) for _ in range(2))
    steps = torch.tensor([0, 40, 99])
    noisy = schedule.add_noise(latents, added, steps)
    torch.testing.assert_close(noisy, reference.add_noise(latents, added, steps), rtol=1e-4, atol=1e-5)
    if noise.prediction == "v":
        velocity = reference.get_velocity(latents, added, steps)
        torch.testing.assert_close(schedule.target(latents, added, steps), velocity, rtol=1e-4, atol=1e-5)


def test_at_the_end_of_a_zero_terminal_schedule_nothing_is_left():
    schedule = NoiseSchedule(ZERO)
    assert schedule.alphas[-1] == 0 and schedule.alphas[0] == pytest.approx(float(SD.alphas[0]), rel=1e-6)
    latents, noise = torch.full((1, 4, 1, 1), 9.0), torch.ones(1, 4, 1, 1)
    assert torch.equal(schedule.add_noise(latents, noise, torch.tensor([999])), noise)


def test_noise_is_added_by_the_closed_form():
    schedule = NoiseSchedule(NoiseConfig())
    schedule.alphas = torch.tensor([0.64, 0.36])
    latents, noise = torch.tensor([2.0, 2.0]).view(2, 1, 1, 1), torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    noisy = schedule.add_noise(latents, noise, torch.tensor([0, 1]))
    torch.testing.assert_close(noisy.flatten(), torch.tensor([0.8 * 2 + 0.6, 0.6 * 2 - 0.8]))


def test_one_step_at_a_time_adds_up_to_the_closed_form():
    """The variances of single steps, composed, are those of the closed form."""
    mean, variance = 1.0, 0.0
    for beta in SD.betas[:301].double().tolist():
        mean, variance = mean * math.sqrt(1 - beta), variance * (1 - beta) + beta
    alpha = float(SD.alphas[300])
    assert mean == pytest.approx(math.sqrt(alpha), rel=1e-5) and variance == pytest.approx(1 - alpha, rel=1e-5)


def test_v_is_a_rotation_of_latents_and_noise():
    schedule = NoiseSchedule(NoiseConfig(prediction="v"))
    schedule.alphas = torch.tensor([0.64])
    latents, noise, step = torch.tensor([2.0]).view(1, 1, 1, 1), torch.tensor([1.0]).view(1, 1, 1, 1), torch.tensor([0])
    v = schedule.target(latents, noise, step)
    assert v.item() == pytest.approx(0.8 * 1 - 0.6 * 2)
    torch.testing.assert_close(0.8 * schedule.add_noise(latents, noise, step) - 0.6 * v, latents)
    assert SD.target(latents, noise, step) is noise


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_the_weight_by_signal_to_noise_ratio_is_the_published_one(prediction):
    schedule = NoiseSchedule(NoiseConfig(prediction=prediction, min_snr=5.0))
    ratios = [float(a / (1 - a)) for a in schedule.alphas]
    below = {"epsilon": lambda ratio: ratio, "v": lambda ratio: ratio + 1}[prediction]
    expected = [min(ratio, 5.0) / below(ratio) for ratio in ratios]
    torch.testing.assert_close(schedule.weight(torch.arange(1000)), torch.tensor(expected), rtol=1e-4, atol=1e-6)
    assert torch.equal(SD.weight(torch.tensor([3, 999])), torch.ones(2))


def test_a_zero_terminal_schedule_needs_v():
    with pytest.raises(ConfigError, match="predicting it tells nothing"):
        NoiseConfig(schedule="zero-terminal-snr")
