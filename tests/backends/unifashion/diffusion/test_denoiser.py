"""The diffusion model: its loss by hand, where gradients flow, and samples that depend on nothing but their seed."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from diffusion_sizes import nano, small_unet, small_vae

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.diffusion.conditions import Conditions, EncodedConditions
from fashionbench_unifashion.diffusion.config import NetworkConfig, NoiseConfig, VaeConfig
from fashionbench_unifashion.diffusion.denoiser import Denoiser


def _make(**changes):
    torch.manual_seed(0)
    return Denoiser(nano(**changes)).eval()


def _wide(channels, latent):
    """A UNet and a VAE of other numbers of channels than Stable Diffusion's."""
    unet = small_unet((8, 16), width=12, heads=2, groups=4) | {"in_channels": channels, "out_channels": channels}
    vae = small_vae((8, 8), groups=4) | {"latent_channels": latent}
    return {"unet": NetworkConfig(architecture=unet), "vae": VaeConfig(architecture=vae)}


def _batch(count=3):
    draw = torch.Generator().manual_seed(1)
    images = torch.rand(count, 3, 32, 24, generator=draw) * 2 - 1
    condition = torch.randn(count, 5, 12, generator=draw)
    agnostic, densepose, hint = (torch.rand(count, 3, 32, 24, generator=draw) * 2 - 1 for _ in range(3))
    keep = torch.ones(count, 1, 32, 24)
    keep[:, :, 16:] = 0
    return images, condition, Conditions(agnostic, keep, densepose, hint, torch.ones(count, dtype=torch.bool))


def _awaken(model):
    """Move every zero weight, so that conditions and hint have an effect."""
    torch.manual_seed(2)
    with torch.no_grad():
        for part in (model.unet.conv_in, model.control, model.injection):
            for parameter in part.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


@torch.no_grad()
def test_at_first_it_is_the_unet_alone_whatever_the_conditions():
    model = _make()
    _, condition, conditions = _batch()
    latents, steps = torch.randn(3, 4, 16, 12), torch.tensor([0, 500, 999])
    without = model.predict(latents, steps, condition)
    torch.testing.assert_close(model.predict(latents, steps, condition, model.encode_conditions(conditions)), without)
    plain = _make(conditions=())
    plain.unet.load_state_dict(
        {k: v[:, :4] if k == "conv_in.weight" else v for k, v in model.unet.state_dict().items()}
    )
    torch.testing.assert_close(plain.predict(latents, steps, condition), without)


def test_latents_may_have_any_number_of_channels_as_long_as_unet_and_vae_agree():
    model = _make(**_wide(8, 8))
    images, condition, conditions = _batch()
    assert model.latent_shape == (8, 16, 12)
    # The noisy latent, agnostic latent with its mask, and the DensePose latent.
    assert model.in_channels == model.unet.conv_in.in_channels == 8 + 9 + 8
    model.loss(images, condition, conditions, torch.Generator().manual_seed(0)).backward()
    assert model.control.hint.weight.shape[1] == 8
    assert model.sample(condition, conditions, seeds=[1, 2, 3]).shape == images.shape
    with pytest.raises(ConfigError, match="predicts 4 channels, and latents of the VAE have 8"):
        _make(**_wide(4, 8))


@torch.no_grad()
def test_channels_stand_in_the_released_order_and_the_mask_is_not_encoded():
    model = _make()
    _, _, conditions = _batch()
    channels = model.encode_conditions(conditions).channels
    torch.testing.assert_close(channels[:, :4], model.vae.encode(conditions.agnostic))
    assert channels[:, 4, :8].eq(1).all() and channels[:, 4, 8:].eq(0).all()
    torch.testing.assert_close(channels[:, 5:], model.vae.encode(conditions.densepose))


@torch.no_grad()
def test_a_sample_without_a_hint_has_a_latent_of_zero():
    model = _make()
    _, _, conditions = _batch()
    encoded = model.encode_conditions(replace(conditions, hinted=torch.tensor([True, False, True])))
    torch.testing.assert_close(encoded.hint[0], model.vae.encode(conditions.hint)[0])
    assert not encoded.hint[1].any()


@torch.no_grad()
def test_every_condition_matters_once_its_weights_have_moved():
    model = _awaken(_make())
    _, condition, conditions = _batch()
    latents, steps = torch.randn(3, 4, 16, 12), torch.tensor([0, 500, 999])
    base = model.predict(latents, steps, condition, model.encode_conditions(conditions))
    for change in (
        {"agnostic": -conditions.agnostic},
        {"keep": 1 - conditions.keep},
        {"densepose": -conditions.densepose},
        {"hint": -conditions.hint},
    ):
        other = model.predict(latents, steps, condition, model.encode_conditions(replace(conditions, **change)))
        assert not torch.allclose(base, other), change
    assert not torch.allclose(
        base, model.predict(latents, steps, condition.flip(0), model.encode_conditions(conditions))
    )


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
@torch.no_grad()
def test_the_loss_of_a_step_is_the_squared_error_of_the_prediction(prediction):
    model = _awaken(_make(condition_dropout=0.0, noise=NoiseConfig(prediction=prediction)))
    images, condition, conditions = _batch()
    encoded, latents = model.encode_conditions(conditions), model.vae.encode(images)
    steps = torch.tensor([10, 400, 900])
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    alphas = torch.cumprod(1 - betas, 0)[steps].float().view(3, 1, 1, 1)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(7))
    noisy = alphas.sqrt() * latents + (1 - alphas).sqrt() * noise
    wanted = noise if prediction == "epsilon" else alphas.sqrt() * noise - (1 - alphas).sqrt() * latents
    expected = (model.predict(noisy, steps, condition, encoded) - wanted).square().mean()
    loss = model.latent_loss(latents, condition, encoded, torch.Generator().manual_seed(7), steps=steps)
    torch.testing.assert_close(loss, expected)


@torch.no_grad()
def test_steps_are_uniform_over_all_of_them(monkeypatch):
    model = _make(noise={"train_steps": 8})
    seen = []
    monkeypatch.setattr(model, "predict", lambda latents, steps, *_: seen.extend(steps.tolist()) or latents)
    model.latent_loss(torch.zeros(4000, 4, 1, 1), torch.zeros(4000, 1, 12), None, torch.Generator().manual_seed(0))
    counts = torch.bincount(torch.tensor(seen), minlength=8)
    assert len(counts) == 8 and counts.min() > 400 and counts.max() < 600


@torch.no_grad()
def test_the_condition_is_dropped_for_each_sample_by_itself(monkeypatch):
    model = _make()
    seen = []
    monkeypatch.setattr(model, "predict", lambda latents, _, condition, *__: seen.append(condition) or latents)
    condition = torch.full((4000, 3, 12), 7.0)
    model.latent_loss(torch.zeros(4000, 4, 1, 1), condition, None, torch.Generator().manual_seed(0))
    kept = seen[0].eq(7).flatten(1).all(1)
    assert 0.17 < 1 - kept.float().mean().item() < 0.23
    torch.testing.assert_close(seen[0][~kept], model.unconditional.expand(int((~kept).sum()), 3, 12))


def test_the_loss_is_repeatable_and_moves_with_its_generator():
    model = _make()
    images, condition, conditions = _batch()
    first, again, other = (
        model.loss(images, condition, conditions, torch.Generator().manual_seed(s)).item() for s in (0, 0, 1)
    )
    assert first == again != other


def test_gradients_reach_the_condition_through_a_frozen_model():
    model = _awaken(_make(condition_dropout=0.0))
    assert model.train_only("none") == []
    images, condition, conditions = _batch()
    for given in (conditions, None):
        leaf = condition.clone().requires_grad_()
        model.loss(images, leaf, given, torch.Generator().manual_seed(0)).backward()
        assert (leaf.grad.abs().amax(dim=(1, 2)) > 0).all()
    assert all(p.grad is None for p in model.parameters())


def test_try_on_trains_its_parts_with_the_input_convolution_and_nothing_else():
    model = _awaken(_make(condition_dropout=0.5))
    chosen = {id(p) for p in model.train_only("tryon")}
    images, condition, conditions = _batch()
    model.loss(images, condition, conditions, torch.Generator().manual_seed(0)).backward()
    learnt = {name for name, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
    assert all(id(p) in chosen for p in model.parameters() if p.requires_grad)
    assert {"unet.conv_in.weight", "unconditional", "control.hint.weight", "control.conv_in.weight"} <= learnt
    assert all(f"injection.blocks.{i}.out.weight" in learnt for i in range(2))
    assert not any(name.startswith(("vae.", "unet.down", "unet.up", "unet.mid")) for name in learnt)


def test_after_one_step_every_layer_from_the_garment_to_the_picture_has_a_gradient():
    """One layer of zeros a road: two in a row keep each other from learning."""
    model = _make(condition_dropout=0.0)
    images, condition, conditions = _batch()
    optimiser = torch.optim.SGD(model.train_only("tryon"), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        model.loss(images, condition, conditions, torch.Generator().manual_seed(0)).backward()
        optimiser.step()
    road = {name: p for name, p in model.named_parameters() if name.startswith(("control.", "injection."))}
    # Of the branch, what comes after the last map that is read is not run.
    count = len(model.injection.blocks)
    assert len(road) > 20 and count
    still = sorted(name for name, p in road.items() if p.grad is None or not p.grad.abs().sum() > 0)
    assert not [name for name in still if name.startswith(("control.hint", "control.conv_in", "injection."))]
    assert all(
        name.startswith(("control.mid_block", "control.down_blocks.1", "control.down_blocks.0.down")) for name in still
    )


def test_offset_noise_is_one_number_a_channel_and_ends_up_in_the_target(monkeypatch):
    plain, offset = _make(condition_dropout=0.0), _make(condition_dropout=0.0, noise=NoiseConfig(offset=3.0))
    seen = []
    for model in (plain, offset):
        monkeypatch.setattr(model, "predict", lambda latents, *_: seen.append(latents) or latents)
        steps = torch.full((500,), 999)
        model.latent_loss(
            torch.zeros(500, 4, 2, 2), torch.zeros(500, 1, 12), None, torch.Generator().manual_seed(0), steps=steps
        )
    left = float(plain.schedule.alphas[999])
    added = (seen[1] - seen[0]) / (1 - left) ** 0.5
    torch.testing.assert_close(added, added[:, :, :1, :1].expand_as(added))
    assert added[:, :, 0, 0].std() == pytest.approx(3.0, rel=0.05)


def test_the_loss_counts_each_sample_by_its_weight():
    weighed = _awaken(_make(condition_dropout=0.0, noise=NoiseConfig(prediction="v", min_snr=5.0)))
    images, condition, conditions = _batch()
    latents = weighed.vae.encode(images)

    def loss(rows, steps):
        draw = torch.Generator().manual_seed(1)
        encoded = weighed.encode_conditions(conditions.take(rows))
        return weighed.latent_loss(latents[rows], condition[rows], encoded, draw, steps=steps).item()

    row, step = torch.tensor([0]), torch.tensor([500])
    counted = loss(row, step)
    weight = float(weighed.schedule.weight(step))
    weighed.schedule.config = NoiseConfig(prediction="v")
    assert counted == pytest.approx(weight * loss(row, step), rel=1e-5)


def test_all_is_everything_but_the_autoencoder_which_stays_in_evaluation_mode():
    model = _make().train()
    chosen = model.train_only("all")
    expected = [p for name, p in model.named_parameters() if not name.startswith("vae.")]
    assert len(chosen) == len(expected) and all(p.requires_grad for p in chosen)
    assert model.unet.training and not model.vae.network.training
    assert not any(p.requires_grad for p in model.vae.parameters())


def test_it_learns_one_picture():
    model = _make(condition_dropout=0.0)
    images, condition, conditions = _batch(1)
    latents, encoded = model.vae.encode(images) * 10, model.encode_conditions(conditions)
    optimiser = torch.optim.Adam(model.train_only("all"), lr=4e-3)

    def loss(count, draw, steps=None):
        rows = torch.zeros(count, dtype=torch.long)
        shown = EncodedConditions(encoded.channels[rows], encoded.hint[rows])
        return model.latent_loss(latents[rows], condition[rows], shown, draw, steps=steps)

    def error():
        with torch.no_grad():
            return loss(20, torch.Generator().manual_seed(9), torch.arange(0, 1000, 50)).item()

    before, draw = error(), torch.Generator().manual_seed(0)
    for _ in range(30):
        value = loss(6, draw)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
    assert error() < 0.75 * before


@pytest.mark.parametrize("sampler", ["ddim", "pndm"])
def test_samples_depend_on_their_seed_and_not_on_their_batch(sampler):
    model = _awaken(_make(sampler=sampler))
    _, condition, conditions = _batch()
    whole = model.sample(condition, conditions, seeds=[5, 6, 7], guidance=3.0)
    assert whole.shape == (3, 3, 32, 24) and whole.abs().max() <= 1
    torch.testing.assert_close(
        model.sample(condition, conditions, seeds=[5, 6, 7], guidance=3.0), whole, rtol=0, atol=0
    )
    one = Conditions(*(getattr(conditions, f)[1:2] for f in ("agnostic", "keep", "densepose", "hint", "hinted")))
    alone = model.sample(condition[1:2], one, seeds=[6], guidance=3.0)
    torch.testing.assert_close(alone[0], whole[1], rtol=0, atol=1e-5)
    assert not torch.allclose(model.sample(condition[1:2], one, seeds=[8], guidance=3.0), alone)


def test_a_sample_starts_from_its_seed_s_noise_and_decodes_what_ddim_finds(monkeypatch):
    model = _make(steps=1)
    _, condition, _ = _batch(1)
    noise = torch.randn(4, 16, 12, generator=torch.Generator().manual_seed(3))[None]
    with torch.no_grad():
        predicted = model.predict(noise, torch.tensor([999]), condition)
        last, first = model.schedule.alphas[999], model.schedule.alphas[0]
        clean = (noise - (1 - last).sqrt() * predicted) / last.sqrt()
        expected = model.vae.decode(first.sqrt() * clean + (1 - first).sqrt() * predicted).clamp(-1, 1)
    torch.testing.assert_close(model.sample(condition, seeds=[3]), expected, rtol=1e-4, atol=1e-4)


def test_guidance_moves_away_from_the_unconditional_prediction():
    model = _make(steps=1)
    _, condition, _ = _batch(1)
    seen = []
    true = model.predict

    def predict(latents, steps, condition, conditions=None):
        seen.append(condition)
        return true(latents, steps, condition, conditions)

    model.predict = predict
    plain = model.sample(condition, seeds=[3])
    assert len(seen) == 1
    guided = model.sample(condition, seeds=[3], guidance=2.0)
    assert len(seen) == 3 and torch.equal(seen[2], model.unconditional.expand_as(condition))
    assert not torch.allclose(plain, guided)
    unconditional = model.sample(condition, seeds=[3], guidance=0.0)
    torch.testing.assert_close(unconditional, model.sample(model.unconditional.expand_as(condition), seeds=[3]))


def test_starting_from_the_truth_is_a_choice_that_needs_it():
    images, condition, _ = _batch(1)
    pure, leaky = _make(), _make(start="gt_q_sample")
    with pytest.raises(ConfigError, match="may not see the truth"):
        pure.sample(condition, seeds=[3], truth=images)
    with pytest.raises(ConfigError, match="needs the truth"):
        leaky.sample(condition, seeds=[3])
    one, other = (leaky.sample(condition, seeds=[3], truth=truth) for truth in (images, -images))
    assert not torch.equal(one, other)


def test_control_can_begin_with_a_trained_encoder():
    model = _make()
    with torch.no_grad():
        model.unet.conv_in.weight.add_(1)
    model.start_control()
    assert torch.equal(model.control.conv_in.weight, model.unet.conv_in.weight)
    _make(conditions=()).start_control()


def test_state_comes_back_whole():
    model, other = _awaken(_make()), _make()
    model.vae.measure_scale(_batch()[0])
    other.load_state_dict(model.state_dict())
    _, condition, conditions = _batch()
    assert torch.equal(
        other.sample(condition, conditions, seeds=[1, 2, 3]), model.sample(condition, conditions, seeds=[1, 2, 3])
    )


def test_a_condition_that_does_not_fit_is_refused_with_both_shapes():
    model = _make()
    images, condition, _ = _batch()
    for wrong in (condition[:2], condition[..., :5], condition[:, 0]):
        with pytest.raises(BackendError, match=r"expected \(3, Q, 12\)"):
            model.loss(images, wrong)


@pytest.mark.parametrize("name", ["densepose", "hint"])
def test_a_configured_condition_that_is_not_there_is_named(name):
    _, _, conditions = _batch()
    with pytest.raises(BackendError, match=name):
        _make().encode_conditions(replace(conditions, **{name: None}))


def test_nan_is_refused():
    model = _make()
    with torch.no_grad():
        model.unet.conv_out.bias.fill_(float("nan"))
    with pytest.raises(BackendError, match="NaN"):
        model.sample(_batch()[1], seeds=[1, 2, 3])


def test_sizes_that_do_not_halve_evenly_are_refused():
    with pytest.raises(ConfigError, match="multiples of 4"):
        Denoiser(nano(width=26))


def test_several_widths_of_conditions_are_refused():
    unet = small_unet((8, 16), width=12, heads=2, groups=4) | {"cross_attention_dim": (12, 12)}
    with pytest.raises(ConfigError, match="one width"):
        Denoiser(nano(unet=NetworkConfig(architecture=unet)))
