"""The control branch is the encoder until its hint has learnt."""

from __future__ import annotations

import pytest
import torch
from diffusion_sizes import small_unet

from fashionbench_unifashion.diffusion.config import NetworkConfig
from fashionbench_unifashion.diffusion.control_branch import Control
from fashionbench_unifashion.diffusion.unet import embed_time, encode, make_unet


@pytest.fixture
def unet():
    return make_unet(NetworkConfig(architecture=small_unet((8, 16), width=12, heads=2, groups=4)), 13).eval()


@pytest.fixture
def inputs():
    draw = torch.Generator().manual_seed(0)
    shapes = ((2, 13, 8, 6), (2, 5, 12), (2, 4, 8, 6))
    sample, context, hint = (torch.randn(*shape, generator=draw) for shape in shapes)
    return sample, torch.tensor([3, 700]), context, hint


@torch.no_grad()
def test_without_a_hint_its_maps_are_the_encoder_s(unet, inputs):
    sample, steps, context, hint = inputs
    control = Control(unet)
    control.hint.bias.zero_()
    maps = control(sample, steps, context, torch.zeros_like(hint))
    expected = encode(unet, sample, embed_time(unet, sample, steps), context)
    assert len(maps) == len(expected)
    for ours, theirs in zip(maps, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@torch.no_grad()
def test_the_hint_is_seen_from_the_first_step_on(unet, inputs):
    sample, steps, context, hint = inputs
    control = Control(unet)
    assert control.hint.weight.shape == (8, 4, 3, 3)
    one, other = (control(sample, steps, context, shown) for shown in (hint, -hint))
    assert all(not torch.allclose(a, b) for a, b in zip(one, other, strict=True))


@torch.no_grad()
def test_the_hint_is_added_after_the_first_convolution(unet, inputs):
    sample, _, _, hint = inputs
    control = Control(unet)
    control.hint.weight.normal_()
    expected = unet.conv_in(sample) + torch.conv2d(hint, control.hint.weight, control.hint.bias, padding=1)
    torch.testing.assert_close(control(*inputs)[0], expected)


@torch.no_grad()
def test_its_weights_are_its_own_until_they_are_copied_again(unet, inputs):
    control = Control(unet)
    before = control(*inputs)
    for parameter in unet.parameters():
        parameter.add_(0.1)
    assert all(torch.equal(one, other) for one, other in zip(before, control(*inputs), strict=True))
    control.hint.bias.fill_(1.0)
    control.copy_encoder(unet)
    assert (control.hint.bias == 1).all()
    assert torch.equal(control.conv_in.weight, unet.conv_in.weight)
    assert control.conv_in.weight is not unet.conv_in.weight
