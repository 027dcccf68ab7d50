"""Language models in 4 and 8 bits by bitsandbytes on a processor: what they compute, learn and are saved as."""

from __future__ import annotations

import pytest

pytest.importorskip("peft", reason="needs the optional dependencies fashionbench[models]")

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from fashionbench.errors import BackendError, FieldError
from fashionbench.specs.validation import validated
from fashionbench_unifashion.language import quantization
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.language.model import LanguageConfig, LanguageModel, LoraConfig

TEXTS = ["a red dress with long sleeves", "a long blue shirt with buttons"] * 2
LORA = LoraConfig(rank=2, alpha=4, dropout=0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder of a small language model, one row of whose weights is a block of 64."""
    tokenizer = language_tokenizer.train(TEXTS, 200)
    torch.manual_seed(0)
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2}
    folder = tmp_path_factory.mktemp("base")
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def on_a_processor(monkeypatch):
    """Let bitsandbytes do on a processor, in training mode, what the package leaves to GPUs."""
    pytest.importorskip("bitsandbytes", reason="needs the optional dependencies fashionbench[quantization]")
    monkeypatch.setattr(quantization, "lacking", lambda *_: "")


def loaded(base, **fields):
    return LanguageModel(LanguageConfig(source=str(base), lora=LORA, **fields))


def answers(model):
    torch.manual_seed(1)
    return model.answers(torch.randn(2, 3, model.width), ["Describe it.", "What is it?"], TEXTS[:2])


def logits(model):
    # Outside of training mode a processor packs the bits anew.
    with torch.no_grad():
        return answers(model.train()).logits


@pytest.mark.parametrize(("bits", "smaller", "near"), [("4bit", 4, 0.2), ("8bit", 3, 0.05)])
@pytest.mark.usefixtures("on_a_processor")
def test_frozen_weights_are_small_and_what_learns_is_not(base, bits, smaller, near):
    plain, few = loaded(base), loaded(base, quantization=bits)
    names = [name for name, _ in plain.network.named_parameters() if "proj.base_layer.weight" in name]
    assert len(names) == 7
    sizes = [
        sum(v.numel() * v.element_size() for n, v in m.network.named_parameters() if n in names) for m in (plain, few)
    ]
    assert sizes[0] >= smaller * sizes[1] > 0
    right, found = logits(plain), logits(few)
    assert 0 < (found - right).norm() / right.norm() < near
    learns = {name: value for name, value in few.network.named_parameters() if value.requires_grad}
    assert learns and all("lora_" in name and value.dtype == torch.float32 for name, value in learns.items())
    answers(few.train()).logits.square().mean().backward()
    assert all(value.grad is not None for value in learns.values())
    assert max(float(value.grad.abs().max()) for value in learns.values()) > 0


@pytest.mark.parametrize(("bits", "near"), [("4bit", 1e-5), ("8bit", 0.02)])
@pytest.mark.usefixtures("on_a_processor")
def test_what_is_saved_computes_the_same_without_bitsandbytes(base, bits, near):
    few = loaded(base, quantization=bits)
    for name, value in few.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=0.1)
    before = logits(few)
    few.dequantize()
    assert {value.dtype for value in few.network.state_dict().values()} == {torch.float32}
    # LLM.int8() cuts activations to 8 bits too, which a plain layer does not.
    torch.testing.assert_close(logits(few), before, rtol=0, atol=near * float(before.abs().max()))
    # As a model folder has it: an architecture with plain weights.
    config = LanguageConfig(architecture=few.architecture(), lora=LORA)
    assert "quantization_config" not in config.architecture
    again = LanguageModel(config, few.tokenizer)
    again.network.load_state_dict(few.network.state_dict())
    torch.testing.assert_close(logits(again), logits(few))


@pytest.mark.parametrize(
    ("installed", "accelerator", "said"),
    [(False, torch.device("cuda"), "bitsandbytes is not installed"), (True, None, "there is no GPU")],
)
def test_a_machine_that_cannot_says_so_before_it_reads_anything(tmp_path, monkeypatch, installed, accelerator, said):
    monkeypatch.setattr(quantization, "is_bitsandbytes_available", lambda: installed)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: accelerator)
    with pytest.raises(BackendError, match=f"4bit is not on this machine: {said}") as caught:
        LanguageModel(LanguageConfig(source=str(tmp_path / "nothing"), quantization="4bit"))
    assert "fashionbench[quantization]" in caught.value.remedy
    assert quantization.lacking(torch.device("cpu")) == ("cpu is no GPU" if installed else said)


def test_a_training_on_a_processor_says_that_it_cannot(training, tmp_path, monkeypatch):
    monkeypatch.setattr(quantization, "is_bitsandbytes_available", lambda: True)
    language = {"architecture": None, "source": "somewhere", "lora": {"rank": 2}, "quantization": "8bit"}
    with pytest.raises(BackendError, match="8bit is not on this machine: cpu is no GPU"):
        training(tmp_path, model={"changes": {"language": language}})


@pytest.mark.parametrize("fields", [{"architecture": {"model_type": "llama"}}, {"source": "x", "lora": None}])
def test_only_frozen_weights_of_a_source_are_kept_in_few_bits(fields):
    with pytest.raises(FieldError, match="quantization is for a source whose weights are frozen"):
        validated(LanguageConfig, {"quantization": "8bit", **fields}, "the language model", remedy="")
