"""Sampling of try-on from what is known: the agnostic image with the warped garment in its mask."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusion_sizes import nano

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.conditions import Conditions
from fashionbench_unifashion.diffusion.denoiser import Denoiser

CONDITIONS = ("agnostic", "densepose", "warped-garment")


@pytest.fixture
def given():
    """A condition, and images of three persons whose lower halves are to be painted."""
    draw = torch.Generator().manual_seed(1)
    agnostic, densepose, warped = (torch.rand(3, 3, 32, 24, generator=draw) * 2 - 1 for _ in range(3))
    keep = torch.ones(3, 1, 32, 24)
    keep[:, :, 16:] = 0
    shown = Conditions(agnostic, keep, densepose, None, torch.ones(3, dtype=torch.bool), warped)
    return torch.randn(3, 5, 12, generator=draw), shown


def make(share):
    torch.manual_seed(0)
    return Denoiser(nano(conditions=CONDITIONS, start="warped-garment", start_share=share)).eval()


@torch.no_grad()
@pytest.mark.parametrize(("share", "walked"), [(0.5, 2), (0.3, 1), (0.01, 1), (1.0, 4)])
def test_sampling_may_start_from_the_noised_agnostic_image_with_the_warped_garment(share, walked, given):
    model, (condition, shown) = make(share), given
    seen = []

    def predict(latents, steps, *_rest):
        seen.append((latents.clone(), int(steps[0])))
        return torch.zeros_like(latents)

    model.predict = predict
    model.sample(condition, shown, seeds=[5, 6, 7], guidance=1)
    assert len(seen) == walked
    latents, step = seen[0]
    known = torch.where(shown.keep > 0, shown.agnostic, shown.warped)
    left = model.schedule.alphas[step]
    noise = torch.stack([torch.randn(4, 16, 12, generator=torch.Generator().manual_seed(seed)) for seed in (5, 6, 7)])
    torch.testing.assert_close(latents, left.sqrt() * model.vae.encode(known) + (1 - left).sqrt() * noise)
    # An image of words alone has no garment to start from.
    seen.clear()
    model.sample(condition, None, seeds=[5, 6, 7], guidance=1)
    assert len(seen) == 4 and torch.equal(seen[0][0], noise)


@torch.no_grad()
def test_a_design_starts_from_noise_beside_try_on_that_does_not(given):
    model, (condition, shown) = make(0.5), given
    together = replace(shown, designed=torch.tensor([False, True, False]))
    seen = []
    predict = model.predict

    def watched(latents, steps, *rest):
        seen.append((latents.clone(), int(steps[0])))
        return predict(latents, steps, *rest)

    model.predict = watched
    made = model.sample(condition, together, seeds=[5, 6, 7], guidance=1)
    noise = torch.randn(4, 16, 12, generator=torch.Generator().manual_seed(6))
    assert [len(latents) for latents, _ in seen] == [2, 2, 1, 1, 1, 1]
    assert torch.equal(seen[2][0][0], noise) and seen[2][1] > 900
    for row, designed in enumerate((False, True, False)):
        rows = torch.tensor([row])
        alone = replace(shown.take(rows), designed=torch.tensor([designed]))
        torch.testing.assert_close(made[rows], model.sample(condition[rows], alone, seeds=[5 + row], guidance=1))


@torch.no_grad()
def test_no_step_is_trained_that_sampling_does_not_come_to(given):
    model, (condition, shown) = make(0.3), given
    many = torch.zeros(300, 4, 16, 12)
    rows, seen = torch.zeros(300, dtype=torch.long), []
    designed = torch.arange(300) % 2 == 1
    encoded = model.encode_conditions(replace(shown.take(rows), designed=designed))
    model.predict = lambda latents, steps, *_rest: seen.append(steps) or torch.zeros_like(latents)
    model.latent_loss(many, condition[rows], encoded, torch.Generator().manual_seed(0))
    model.latent_loss(many, condition[rows], None, torch.Generator().manual_seed(0))
    assert 280 < seen[0][~designed].max() < 300 and 900 < seen[1].max() < 1000
    # Of a sketch the colours are not known, and where noise is small they are seen.
    assert 900 < seen[0][designed].max() < 1000


def test_a_start_from_the_warped_garment_needs_it_and_a_sampler_that_can_begin_late():
    for changes in ({}, {"conditions": ("agnostic", "warped-garment"), "sampler": "pndm"}):
        with pytest.raises(ConfigError, match="start warped-garment needs that condition and the sampler ddim"):
            nano(start="warped-garment", **changes)
