"""Where the decoder looks at the control branch: the paper's channels, and nothing at first."""

from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusion_sizes import SD14_UNET, small_unet

from fashionbench.errors import ConfigError
from fashionbench_unifashion.diffusion.unet import decode, embed_time, encode
from fashionbench_unifashion.diffusion.zero_cross_attention import Injection, Place, ZeroCrossAttention, places


def test_in_the_paper_s_topology_nine_of_twelve_layers_have_the_released_channels():
    with torch.device("meta"):
        found = places(UNet2DConditionModel(**SD14_UNET))
    assert [len(block) for block in found] == [3, 3, 3, 3]
    finer = [place for block in found[1:] for place in block]
    assert [place.query for place in finer] == [1280, 1280, 1280, 1280, 640, 640, 640, 320, 320]
    assert [place.key for place in finer] == [1280, 1280, 640, 640, 640, 320, 320, 320, 320]
    assert {place.heads for place in finer} == {8}


@torch.no_grad()
def test_a_new_block_changes_nothing_and_a_moved_one_attends_to_the_map():
    block = ZeroCrossAttention(Place(query=8, key=12, heads=2), groups=4)
    draw = torch.Generator().manual_seed(0)
    feature, control = torch.randn(2, 8, 4, 3, generator=draw), torch.randn(2, 12, 4, 3, generator=draw)
    assert torch.equal(block(feature, control), feature)
    block.out.weight.normal_(generator=draw)
    changed = block(feature, control)
    assert not torch.allclose(changed, feature)
    # Keys and values are a set of pixels: their order means nothing to the block.
    torch.testing.assert_close(block(feature, control.flip(-1)), changed)
    assert not torch.allclose(block(feature, control + 1), changed)


def test_the_only_layer_of_zeros_is_the_last_and_after_one_step_all_others_learn():
    block = ZeroCrossAttention(Place(query=8, key=12, heads=2), groups=4)
    zeros = {name for name, value in block.named_parameters() if "weight" in name and not value.any()}
    assert zeros == {"out.weight"}
    draw = torch.Generator().manual_seed(0)
    feature, control = torch.randn(2, 8, 4, 3, generator=draw), torch.randn(2, 12, 4, 3, generator=draw)
    optimiser = torch.optim.SGD(block.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (block(feature, control) - torch.randn(2, 8, 4, 3, generator=draw)).square().mean().backward()
        optimiser.step()
    # Softmax does not see what is added to all keys alike.
    still = {name for name, value in block.named_parameters() if value.grad is None or not value.grad.any()}
    assert still == set()


@torch.no_grad()
def test_each_block_reads_the_map_of_its_own_skip_connection():
    unet = UNet2DConditionModel(**small_unet((8, 16, 16), width=12, heads=2, groups=4)).eval()
    injection = Injection(unet)
    assert len(injection.blocks) == 4
    draw = torch.Generator().manual_seed(0)
    sample, context = torch.randn(1, 4, 16, 12, generator=draw), torch.randn(1, 5, 12, generator=draw)
    time = embed_time(unet, sample, torch.tensor([10]))
    maps = encode(unet, sample, time, context)
    seen = []

    def inject(place, feature):
        if place >= injection.first:
            # Skips join in the order of the stack; the same index must give a map of the same size.
            control = maps[len(injection.blocks) - 1 - (place - injection.first)]
            seen.append((place, feature.shape[2:] == control.shape[2:]))
        return injection(place, feature, maps)

    plain = decode(unet, maps, time, context)
    assert torch.equal(decode(unet, maps, time, context, inject), plain)
    assert seen == [(2, True), (3, True), (4, True), (5, True)]


@torch.no_grad()
def test_a_change_in_one_map_reaches_only_its_block():
    unet = UNet2DConditionModel(**small_unet((8, 16), width=12, heads=2, groups=4)).eval()
    injection = Injection(unet)
    for block in injection.blocks:
        block.out.weight.normal_()
    maps = [torch.randn(1, channels, 4, 4) for channels in (8, 8, 8, 16, 16)]
    other = [maps[0], maps[1] + 1, *maps[2:]]
    features = {2: torch.randn(1, 16, 4, 4), 3: torch.randn(1, 8, 4, 4)}
    assert not torch.allclose(injection(2, features[2], maps), injection(2, features[2], other))
    assert torch.equal(injection(3, features[3], maps), injection(3, features[3], other))
    assert torch.equal(injection(1, features[2], maps), features[2])


def test_one_resolution_has_no_place_for_a_hint():
    with pytest.raises(ConfigError, match="two resolutions"):
        Injection(UNet2DConditionModel(**small_unet((8,), width=12, heads=2, groups=4)))


def test_heads_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ConfigError, match="3 heads"):
        ZeroCrossAttention(Place(query=8, key=8, heads=3), groups=4)
