"""The UNet in two halves against diffusers' own forward pass, and the widened input convolution."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusion_sizes import SD14_UNET, nano, small_unet

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.config import NetworkConfig
from fashionbench_unifashion.diffusion.unet import decode, embed_time, encode, make_unet, skip_channels, widen

SMALL = small_unet((8, 16), width=12, heads=2, groups=4)
#: The blocks and layers of Stable Diffusion, forty times narrower.
NARROW = SD14_UNET | {
    "block_out_channels": (8, 16, 32, 32),
    "norm_num_groups": 4,
    "cross_attention_dim": 12,
    "attention_head_dim": 2,
}


def _inputs(channels, height=16, width=24):
    draw = torch.Generator().manual_seed(0)
    sample = torch.randn(2, channels, height, width, generator=draw)
    return sample, torch.tensor([3, 700]), torch.randn(2, 5, 12, generator=draw)


@pytest.mark.parametrize("architecture", [SMALL, NARROW, SMALL | {"attention_head_dim": (2, 4)}])
@torch.no_grad()
def test_two_halves_make_the_whole(architecture):
    unet = UNet2DConditionModel(**architecture).eval()
    sample, steps, context = _inputs(4)
    time = embed_time(unet, sample, steps)
    ours = decode(unet, encode(unet, sample, time, context), time, context)
    torch.testing.assert_close(ours, unet(sample, steps, context).sample)


@torch.no_grad()
def test_maps_lie_at_the_places_of_the_skip_connections():
    unet = UNet2DConditionModel(**NARROW).eval()
    sample, steps, context = _inputs(4)
    maps = encode(unet, sample, embed_time(unet, sample, steps), context)
    assert len(maps) == 13
    assert [m.shape[1] for m in maps] == [*skip_channels(unet), 32]
    assert [m.shape[2] for m in maps] == [16, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2, 2]


@torch.no_grad()
def test_a_count_gives_the_first_maps_unchanged():
    unet = UNet2DConditionModel(**NARROW).eval()
    sample, steps, context = _inputs(4)
    time = embed_time(unet, sample, steps)
    whole = encode(unet, sample, time, context)
    for count in (1, 9, 12, 13):
        some = encode(unet, sample, time, context, count=count)
        assert len(some) == count
        assert all(torch.equal(one, other) for one, other in zip(some, whole, strict=False))


@torch.no_grad()
def test_widened_from_four_channels_it_is_the_four_channel_model_whatever_the_rest_holds(tmp_path):
    plain = UNet2DConditionModel(**SMALL).eval()
    plain.save_pretrained(tmp_path)
    wide = make_unet(NetworkConfig(source=str(tmp_path)), 13).eval()
    sample, steps, context = _inputs(13)
    expected = plain(sample[:, :4], steps, context).sample
    torch.testing.assert_close(wide(sample, steps, context).sample, expected)
    assert wide.config.in_channels == 13
    assert wide.conv_in.weight.requires_grad


def test_a_widened_unet_can_be_saved_and_loaded(tmp_path):
    wide = make_unet(NetworkConfig(architecture=SMALL), 13)
    wide.save_pretrained(tmp_path)
    assert torch.equal(make_unet(NetworkConfig(source=str(tmp_path)), 13).conv_in.weight, wide.conv_in.weight)


def test_new_channels_learn():
    unet = make_unet(NetworkConfig(architecture=SMALL), 13)
    sample, steps, context = _inputs(13)
    unet(sample, steps, context).sample.square().mean().backward()
    assert (unet.conv_in.weight.grad[:, 4:].abs().amax(dim=(0, 2, 3)) > 0).all()


def test_channels_are_never_taken_away():
    unet = UNet2DConditionModel(**SMALL, in_channels=13)
    with pytest.raises(ConfigError, match="13 input channels"):
        widen(unet, 4)


@pytest.mark.parametrize(
    "change",
    [{"num_class_embeds": 3}, {"out_channels": 8}, {"down_block_types": ("AttnDownBlock2D", "CrossAttnDownBlock2D")}],
)
def test_a_unet_of_another_kind_is_refused(change):
    with pytest.raises(ConfigError):
        make_unet(NetworkConfig(architecture=SMALL | change), 4)


def test_nano_is_the_small_unet():
    assert nano().unet.architecture == SMALL
