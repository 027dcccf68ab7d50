"""Pretrained language models and adapters of peft, against peft and transformers themselves."""

from __future__ import annotations

import json
import shutil

import pytest

pytest.importorskip("peft", reason="needs the optional dependencies fashionbench[models]")

import torch
from peft import LoraConfig as Lora
from peft import PeftModel, PromptTuningConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from fashionbench.errors import BackendError
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.language.model import LanguageConfig, LanguageModel, LoraConfig
from fashionbench_unifashion.language.pretrained import load_pretrained
from fashionbench_unifashion.weights.loading import locate, read

TEXTS = ["a red dress with long sleeves", "a long blue shirt with buttons"] * 2
IDS = torch.tensor([[1, 2, 3, 2, 1, 3]])


@pytest.fixture
def base(tmp_path):
    """A folder of a small language model with a tokenizer."""
    tokenizer = language_tokenizer.train(TEXTS, 200)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes))
    model.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def original(folder):
    return AutoModelForCausalLM.from_pretrained(folder)


@pytest.fixture
def adapter(base, tmp_path):
    """A folder of an adapter of it, which changes much, and brings no tokenizer."""
    torch.manual_seed(1)
    config = Lora(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    get_peft_model(original(base), config).save_pretrained(tmp_path / "adapter")
    return tmp_path / "adapter"


@torch.no_grad()
def logits(network):
    return network.eval()(IDS).logits


@pytest.mark.parametrize("lora", [None, LoraConfig(rank=2, alpha=4, dropout=0.0)])
def test_an_adapter_is_kept_in_whatever_is_learnt_on_top_of_it(base, adapter, lora):
    right = logits(PeftModel.from_pretrained(original(base), adapter))
    assert (right - logits(original(base))).abs().max() > 0.1
    model = LanguageModel(LanguageConfig(source=str(adapter), lora=lora))
    torch.testing.assert_close(logits(model.network), right, atol=1e-5, rtol=1e-5)
    assert len(model.tokenizer) == len(language_tokenizer.train(TEXTS, 200))


def test_a_base_model_beside_the_adapter_is_found_when_the_folders_were_moved(base, adapter, tmp_path):
    right = logits(PeftModel.from_pretrained(original(base), adapter))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for folder in (base, adapter):
        shutil.move(folder, moved / folder.name)
    network, _ = load_pretrained(str(moved / "adapter"), torch.float32)
    torch.testing.assert_close(logits(network), right, atol=1e-5, rtol=1e-5)
    shutil.rmtree(moved / "base")
    with pytest.raises(BackendError, match="elsewhere/adapter is of the base model .*base: there is no file or folder"):
        load_pretrained(str(moved / "adapter"), torch.float32)


def test_an_adapter_of_a_kind_that_cannot_be_merged_is_refused(base, tmp_path):
    config = PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=2)
    get_peft_model(original(base), config).save_pretrained(tmp_path / "prompt")
    with pytest.raises(BackendError, match="prompt is of the kind .*PROMPT_TUNING, which cannot be merged"):
        load_pretrained(str(tmp_path / "prompt"), torch.float32)


def test_an_adapter_beside_a_whole_model_and_one_in_place_of_another_model_are_refused(base, adapter):
    with pytest.raises(BackendError, match="adapter holds an adapter and no model"):
        locate(adapter)
    with pytest.raises(BackendError, match="holds an adapter and no model"):
        read(adapter)
    shutil.copy(adapter / "adapter_config.json", base)
    with pytest.raises(BackendError, match=r"holds a model, model\.safetensors, and an adapter"):
        load_pretrained(str(base), torch.float32)


def test_weights_that_are_not_finite_are_refused_by_name(base):
    state = load_file(base / "model.safetensors")
    state["model.norm.weight"][3] = float("inf")
    save_file(state, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BackendError, match=r"base holds weights that are not finite: model\.norm\.weight"):
        load_pretrained(str(base), torch.float32)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "tokenizer.json"])
def test_what_a_library_cannot_read_is_named(base, name):
    (base / name).write_bytes(b"<html>not found</html>")
    with pytest.raises(BackendError, match="base cannot be read, "):
        load_pretrained(str(base), torch.float32)


def test_a_damaged_adapter_is_named(adapter):
    (adapter / "adapter_model.safetensors").write_bytes(b"half")
    with pytest.raises(BackendError, match="adapter cannot be read, "):
        load_pretrained(str(adapter), torch.float32)
    (adapter / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA"}))
    with pytest.raises(BackendError, match="names no base model"):
        load_pretrained(str(adapter), torch.float32)
