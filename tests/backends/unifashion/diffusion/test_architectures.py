"""Sizes of the models, counted."""

from __future__ import annotations

import torch

from fashionbench_unifashion.diffusion.denoiser import Denoiser
from fashionbench_unifashion.model.config import preset


def _count(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_the_paper_s_size_has_stable_diffusion_s_parameters():
    paper = preset("paper").diffusion
    with torch.device("meta"):
        plain, whole = Denoiser(paper.model_copy(update={"conditions": ()})), Denoiser(paper)
    assert _count(plain.unet) == 859_520_964
    assert plain.control is None and plain.injection is None
    # Nine more channels into 320 filters of 3 x 3.
    assert _count(whole.unet) - _count(plain.unet) == 9 * 320 * 9
    assert whole.unet.conv_in.in_channels == whole.control.conv_in.in_channels == 13
    assert len(whole.injection.blocks) == 9
    assert whole.latent_shape == (4, 64, 48)
    # ControlNet for Stable Diffusion 1.x, less its zero convolutions and its hint network, with nine more channels in.
    zeros = 4 * (320**2 + 320) + 3 * (640**2 + 640) + 6 * (1280**2 + 1280)
    assert _count(whole.control) == 361_279_120 - zeros - 1_086_480 + 9 * 320 * 9 + (4 * 320 * 9 + 320)


def test_small_sizes_keep_the_aspect_of_try_on_images():
    for config, latents in ((preset("tiny").diffusion, (32, 24)), (preset("nano").diffusion, (16, 12))):
        assert config.width * 512 == config.height * 384
        assert Denoiser(config).latent_shape[1:] == latents
