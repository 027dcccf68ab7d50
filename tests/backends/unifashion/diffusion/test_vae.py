"""Latents, their scale, and the loss that trains a small autoencoder."""

from __future__ import annotations

import pytest
import torch
from diffusion_sizes import SD14_VAE, small_vae, tiny_vae

from fashionbench.errors import BackendError
from fashionbench_unifashion.diffusion.config import VaeConfig
from fashionbench_unifashion.diffusion.vae import Autoencoder

CONFIG = VaeConfig(architecture=small_vae((8, 8), groups=4))
TINY = VaeConfig(network="AutoencoderTiny", architecture=tiny_vae((8, 8, 8)))


@pytest.fixture
def vae():
    torch.manual_seed(0)
    return Autoencoder(CONFIG).eval()


@pytest.fixture
def images():
    return torch.rand(3, 3, 16, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1


@torch.no_grad()
def test_latents_are_the_scaled_mean_by_default(vae, images):
    mean, _ = vae.network.quant_conv(vae.network.encoder(images)).chunk(2, dim=1)
    torch.testing.assert_close(vae.encode(images), 0.18215 * mean)
    assert vae.encode(images).shape == (3, 4, 8, 6)
    assert vae.factor == 2


@torch.no_grad()
def test_sampled_latents_are_mean_and_seeded_deviation(vae, images):
    mean, logvar = vae.network.quant_conv(vae.network.encoder(images)).chunk(2, dim=1)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(5))
    sampled = vae.encode(images, sample=True, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(sampled, 0.18215 * (mean + (0.5 * logvar).exp() * noise))


@torch.no_grad()
def test_decoding_undoes_the_scale(vae, images):
    latents = vae.encode(images)
    expected = vae.network.decode(latents / 0.18215).sample
    torch.testing.assert_close(vae.decode(latents), expected)


def test_a_measured_scale_gives_unit_deviation_and_is_part_of_the_state(vae, images):
    scale = vae.measure_scale(images)
    assert vae.encode(images).std().item() == pytest.approx(1, abs=1e-5)
    other = Autoencoder(CONFIG)
    other.load_state_dict(vae.state_dict())
    assert float(other.scale) == pytest.approx(scale)


def test_the_scale_of_a_configuration_comes_first():
    assert float(Autoencoder(CONFIG, 0.5).scale) == 0.5


def test_latents_without_spread_have_no_scale(vae, images):
    for parameter in vae.parameters():
        parameter.data.zero_()
    with pytest.raises(BackendError, match="deviation"):
        vae.measure_scale(images)


@torch.no_grad()
@pytest.mark.parametrize("distance", ["l1", "mse"])
def test_the_loss_is_error_and_weighted_divergence(vae, images, distance):
    mean, logvar = vae.network.quant_conv(vae.network.encoder(images)).chunk(2, dim=1)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(5))
    error = vae.network.decode(mean + (0.5 * logvar).exp() * noise).sample - images
    error = error.abs().mean() if distance == "l1" else error.square().mean()
    normal = torch.distributions.Normal
    divergence = torch.distributions.kl_divergence(normal(mean, (0.5 * logvar).exp()), normal(0.0, 1.0)).mean()
    loss = vae.loss(images, distance=distance, kl_weight=0.3, generator=torch.Generator().manual_seed(5))
    assert loss.item() == pytest.approx((error + 0.3 * divergence).item(), rel=1e-5)


def test_a_small_autoencoder_learns(vae, images):
    optimiser = torch.optim.Adam(vae.parameters(), lr=5e-3)
    draw = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(40):
        loss = vae.loss(images, generator=draw)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_the_paper_s_autoencoder_has_the_known_size():
    with torch.device("meta"):
        vae = Autoencoder(VaeConfig(architecture=SD14_VAE))
    assert sum(p.numel() for p in vae.parameters()) == 83_653_863
    assert vae.factor == 8


@torch.no_grad()
def test_a_tiny_autoencoder_has_latents_without_a_posterior(images):
    torch.manual_seed(0)
    tiny = Autoencoder(TINY).eval()
    assert (tiny.factor, float(tiny.scale)) == (4, 1.0)
    images = torch.nn.functional.pad(images, (2, 2))
    latents = tiny.network.encoder(images)
    torch.testing.assert_close(tiny.encode(images), latents)
    assert torch.equal(tiny.encode(images, sample=True), tiny.encode(images))
    scale = tiny.measure_scale(images)
    torch.testing.assert_close(tiny.encode(images), scale * latents)
    torch.testing.assert_close(tiny.decode(scale * latents), tiny.network.decoder(latents))
    noise = 0.1 * torch.randn(latents.shape, generator=torch.Generator().manual_seed(5))
    error = (tiny.network.decoder(latents + noise) - images).square().mean()
    assert tiny.loss(images, generator=torch.Generator().manual_seed(5)).item() == pytest.approx(error.item(), rel=1e-5)


def test_a_tiny_autoencoder_learns_a_colour_and_an_outline():
    torch.manual_seed(0)
    tiny = Autoencoder(VaeConfig(network="AutoencoderTiny", architecture=tiny_vae((16, 16))))
    images = torch.full((4, 3, 16, 16), -0.8)
    images[:, :, 4:12, 4:12] = torch.tensor([[0.9, -0.6, 0.1], [-0.5, 0.7, 0.2], [0.1, 0.2, 0.8], [0.6, 0.6, -0.7]])[
        :, :, None, None
    ]
    optimizer = torch.optim.Adam(tiny.parameters(), 2e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(120):
        optimizer.zero_grad()
        tiny.loss(images, generator=generator).backward()
        optimizer.step()
    with torch.no_grad():
        error = (tiny.decode(tiny.encode(images)) - images).square().mean().item()
    # The mean image of the four is off by a third, one image without its garment by as much.
    assert error < 0.1 * images.var(0).mean().item()
