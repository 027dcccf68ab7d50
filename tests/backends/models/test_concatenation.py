"""Try-on by concatenation: pixels against the method written out by hand, and self-attention that must be whole."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from fashionbench.data.items import TryOnItem
from fashionbench.errors import BackendError, ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.seeding import seed_of

pytest.importorskip("diffusers", reason="diffusers, whose networks these are")

import torch
from safetensors.torch import load_file, save_file

pytestmark = pytest.mark.slow

SIZE = (24, 32)
MASK = Image.new("L", SIZE, 0)
MASK.paste(255, (4, 6, 20, 26))


def photo(seed, size=SIZE):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def dressed(name, garment=100):
    return TryOnItem(name, photo(1), photo(garment), {"agnostic-mask": MASK})


@pytest.fixture
def attention(folder_of, tmp_path):
    """Weights of self-attention other than the network's own, one name for each."""
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(folder_of("inpainting") / "unet")
    torch.manual_seed(5)
    numbers = {name: i for i, name in enumerate(name for name, _ in unet.named_modules() if "attn1" in name)}
    weights = {}
    for name, value in unet.state_dict().items():
        if ".attn1." in name:
            module, _, rest = name.partition(".attn1.")
            weights[f"{numbers[f'{module}.attn1']}.{rest}"] = torch.randn_like(value) * 0.3
    assert weights
    save_file(weights, tmp_path / "attention.safetensors")
    return tmp_path / "attention.safetensors"


@pytest.fixture
def make(build, attention):
    return lambda **more: build("inpainting", **{"attention": str(attention), "steps": 2, "guidance": 2.5, **more})


def by_hand(folder, attention, guidance, steps=2):
    """The method without its classes: a function in place of a processor, and the steps of DDIM as in its paper."""
    from diffusers import AutoencoderKL, UNet2DConditionModel

    unet = UNet2DConditionModel.from_pretrained(folder / "unet")
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    modules = [module for name, module in unet.named_modules() if "attn1" in name]
    torch.nn.ModuleList(modules).load_state_dict(load_file(attention), strict=False)
    for name, module in unet.named_modules():
        if name.endswith("attn2"):
            module.forward = lambda hidden, **_: hidden
    generator = torch.Generator().manual_seed(seed_of(0, "a"))

    def encoded(image):
        latent = vae.encode(image).latent_dist
        noise = torch.randn(latent.mean.shape, generator=generator)
        return (latent.mean + latent.std * noise) * vae.config.scaling_factor

    person, garment = (
        torch.from_numpy(np.asarray(photo(s)) / 127.5 - 1).permute(2, 0, 1)[None].float() for s in (1, 100)
    )
    inside = torch.from_numpy(np.asarray(MASK) > 127)[None, None]
    with torch.no_grad():
        one = encoded(torch.where(inside, torch.zeros(()), person))
        two = encoded(garment)
        small = inside[:, :, ::2, ::2].float()
        mask = torch.cat([small, torch.zeros_like(small)], dim=2)
        x = torch.randn(1, 4, 32, 12, generator=generator)
        betas = torch.linspace(0.0001, 0.02, 1000, dtype=torch.float64)
        alphas = (1 - betas).cumprod(0)
        stride = 1000 // steps
        for i in reversed(range(steps)):
            t = i * stride + 1
            noises = [
                unet(torch.cat([x, mask, torch.cat([one, lower], dim=2)], dim=1), t, encoder_hidden_states=None).sample
                for lower in (torch.zeros_like(two), two)
            ]
            noise = noises[0] + guidance * (noises[1] - noises[0]) if guidance > 1 else noises[1]
            now = alphas[t]
            before = alphas[t - stride] if t >= stride else torch.ones((), dtype=torch.float64)
            clean = (x - (1 - now).sqrt() * noise) / now.sqrt()
            sigma = ((1 - before) / (1 - now) * (1 - now / before)).sqrt()
            drawn = torch.randn(x.shape, generator=generator)
            x = (before.sqrt() * clean + (1 - before - sigma**2).clamp(min=0).sqrt() * noise + sigma * drawn).float()
        made = vae.decode(x[:, :, :16] / vae.config.scaling_factor).sample
    return ((made[0] / 2 + 0.5).clamp(0, 1) * 255).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_pixels_are_those_of_the_method_by_hand(guidance, make, folder_of, attention):
    (made,) = make(guidance=guidance).try_on([dressed("a")])
    expected = by_hand(folder_of("inpainting"), attention, guidance)
    assert np.abs(made - expected).max() <= 0.51  # of rounding to whole levels
    assert made.std() > 5


def test_neither_batch_nor_order_counts_and_the_garment_does(make):
    backend = make()
    one, two = dressed("a"), dressed("b", garment=101)
    together = backend.try_on([one, two])
    for found, expected in zip(backend.try_on([two, one])[::-1], together, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert (backend.try_on([dressed("a", garment=101)])[0] != together[0]).any()
    assert (backend.try_on([dressed("c")])[0] != together[0]).any()


def test_photos_of_any_size_come_back_at_their_size(make):
    for size, garment in (((25, 33), (50, 20)), ((1, 1), (1, 1)), ((7, 40), (9, 9))):
        item = TryOnItem("a", photo(2, size), photo(3, garment), {"agnostic-mask": Image.new("L", size, 255)})
        assert make().try_on([item])[0].shape == (size[1], size[0], 3)


def test_what_the_self_attention_lacks_is_named(make, attention, folder_of, tmp_path):
    weights = load_file(attention)
    first = min(weights)
    save_file({name: value for name, value in weights.items() if name != first}, attention)
    with pytest.raises(BackendError, match=f"not the self-attention of the UNet: it lacks {first}"):
        make()
    save_file({**weights, "999.to_q.weight": torch.zeros(2)}, attention)
    with pytest.raises(BackendError, match=r"it has 999\.to_q\.weight"):
        make()
    attention.write_bytes(b"x" * 40)
    with pytest.raises(BackendError, match="cannot be read as safetensors"):
        make()
    with pytest.raises(BackendError, match="no weights of self-attention at"):
        make(attention=str(tmp_path / "nowhere"))


def test_a_network_that_does_not_inpaint_and_two_ways_at_once_are_refused(make, folder_of, tmp_path, attention):
    from diffusers import UNet2DConditionModel

    folder = shutil.copytree(folder_of("inpainting"), tmp_path / "plain")
    config = UNet2DConditionModel.load_config(folder / "unet")
    UNet2DConditionModel.from_config({**config, "in_channels": 4}).save_pretrained(folder / "unet")
    with pytest.raises(BackendError, match="takes 4 channels, not the 9"):
        make(model=str(folder))
    both = {"attention": str(attention), "adapter": str(folder_of("ip_adapter"))}
    with pytest.raises(ConfigError, match="two ways to show a garment"):
        Plugins(strict=True).describe_backend(f"hf:{folder}", both)
