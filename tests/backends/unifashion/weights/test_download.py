"""Which files of a repository of the hub are fetched, by the lists of files of real ones."""

from __future__ import annotations

import pytest

from fashionbench.errors import BackendError
from fashionbench_unifashion.diffusion.config import NetworkConfig
from fashionbench_unifashion.diffusion.networks import build
from fashionbench_unifashion.weights.download import fetch, wanted


def test_a_language_model_comes_with_its_sentencepiece_model():
    """lmsys/vicuna-7b-v1.5: without tokenizer.model its tokenizer cuts every text into nothing."""
    shards = [f"pytorch_model-0000{number}-of-00002.bin" for number in (1, 2)]
    small = ["config.json", "generation_config.json", "special_tokens_map.json", "tokenizer.model"]
    small.append("tokenizer_config.json")
    index = "pytorch_model.bin.index.json"
    assert wanted([".gitattributes", "README.md", *small, *shards, index]) == sorted([*small, *shards, index])


def test_of_several_formats_the_safe_one_is_fetched_and_no_copy_for_other_libraries():
    """bert-base-uncased, which holds six copies of its weights."""
    kept = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "vocab.txt"]
    others = ["coreml/fill-mask/float32_model.mlpackage/Data/com.apple.CoreML/weights/weight.bin", "flax_model.msgpack"]
    others += ["model.onnx", "pytorch_model.bin", "rust_model.ot", "tf_model.h5", "LICENSE", "model.fp16.safetensors"]
    assert wanted([*kept, *others]) == kept


def test_of_a_pipeline_one_folder_is_fetched():
    """CompVis/stable-diffusion-v1-4, with copies in half precision."""
    names = [f"{part}/{name}" for part in ("unet", "vae") for name in ("config.json", "diffusion_pytorch_model.bin")]
    names += ["vae/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.fp16.safetensors"]
    names += ["model_index.json", "sd-v1-4.ckpt"]
    assert wanted(names, "vae") == ["vae/config.json", "vae/diffusion_pytorch_model.safetensors"]
    assert wanted(names, "unet") == ["unet/config.json", "unet/diffusion_pytorch_model.bin"]


def test_what_cannot_be_had_is_said_with_revision_and_command(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match="nobody/none/unet, revision abc, is no folder") as caught:
        fetch("nobody/none", revision="abc", subfolder="unet")
    assert "run 'hf download nobody/none --revision abc --include 'unet/*''" in str(caught.value)
    # A network of diffusers says the same, in one message.
    from diffusers import UNet2DConditionModel

    with pytest.raises(BackendError, match="nobody/none/unet, revision main, is no folder here"):
        build(UNet2DConditionModel, NetworkConfig(source="nobody/none", subfolder="unet"))
