"""Networks come whole from their source, or not at all."""

from __future__ import annotations

import pytest
import torch
from diffusers import AutoencoderKL
from diffusion_sizes import small_vae
from safetensors.torch import load_file, save_file

from fashionbench.errors import BackendError, ConfigError
from fashionbench_unifashion.diffusion.config import NetworkConfig
from fashionbench_unifashion.diffusion.networks import build

ARCHITECTURE = small_vae((8, 8), groups=4)


@pytest.fixture
def saved(tmp_path):
    network = AutoencoderKL(**ARCHITECTURE)
    network.save_pretrained(tmp_path / "vae")
    return network


def test_weights_are_loaded_from_a_folder_and_subfolder(tmp_path, saved):
    loaded = build(AutoencoderKL, NetworkConfig(source=str(tmp_path), subfolder="vae"))
    for name, value in saved.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value)


def test_half_precision_weights_are_loaded_in_full_precision(tmp_path, saved):
    saved.half().save_pretrained(tmp_path / "half")
    assert build(AutoencoderKL, NetworkConfig(source=str(tmp_path / "half"))).dtype == torch.float32


def test_missing_weights_are_an_error_and_not_chance(tmp_path, saved):
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    del weights["decoder.conv_in.bias"]
    save_file(weights, file, metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"decoder\.conv_in\.bias"):
        build(AutoencoderKL, NetworkConfig(source=str(tmp_path / "vae")))


def test_left_over_weights_are_an_error(tmp_path, saved):
    file = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    save_file(load_file(file) | {"surplus": torch.zeros(1)}, file, metadata={"format": "pt"})
    with pytest.raises(BackendError, match="surplus"):
        build(AutoencoderKL, NetworkConfig(source=str(tmp_path / "vae")))


def test_an_absent_folder_is_called_that(tmp_path):
    with pytest.raises(BackendError, match="no file or folder"):
        build(AutoencoderKL, NetworkConfig(source=str(tmp_path / "nowhere")))


def test_an_argument_that_the_class_lacks_is_named():
    with pytest.raises(ConfigError, match="layers_a_block"):
        build(AutoencoderKL, NetworkConfig(architecture={"layers_a_block": 1}))
