"""Families of language models of transformers, each built small, saved, and loaded as a folder that a user names."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("peft", reason="needs the optional dependencies fashionbench[models]")

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText, AutoModelForSeq2SeqLM

from fashionbench.errors import BackendError
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.language.model import LanguageConfig, LanguageModel, LoraConfig
from fashionbench_unifashion.losses import losses

TEXTS = ["a red dress with long sleeves", "a long blue shirt with buttons. Describe it"]
TOKENIZER = language_tokenizer.train(TEXTS * 2, 200)
IDS = {"vocab_size": len(TOKENIZER), "pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3}
LLAMA: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "head_dim": 8,
}
GPT2 = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128}
BART = {f"{side}_{what}": 2 for side in ("encoder", "decoder") for what in ("layers", "attention_heads")}
CLIP = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 16}
FAMILIES: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        (
            "llama",
            "mistral",
            "qwen3",
            "gemma",
            "gemma2",
            "gemma3_text",
            "phi",
            "phi3",
            "olmo2",
            "stablelm",
            "starcoder2",
        ),
        LLAMA,
    ),
    "smollm3": LLAMA,
    "gpt_neox": LLAMA,
    "gpt2": GPT2,
    "gptj": {**GPT2, "rotary_dim": 4},
    # OPT-350m embeds words in half of its width.
    "opt": {
        "hidden_size": 16,
        "ffn_dim": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "word_embed_proj_dim": 8,
    }
    | {"do_layer_norm_before": False, "max_position_embeddings": 128},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2},
    "falcon": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2},
    "mamba": {"hidden_size": 16, "state_size": 4, "num_hidden_layers": 2},
    # Encoder-decoders: T5, as in BLIP-2's Flan-T5, and BART.
    "t5": {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0},
    "bart": {**BART, "d_model": 16, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32, "decoder_start_token_id": 3}
    | {"forced_eos_token_id": None, "max_position_embeddings": 128},
    # The paper's own: LLaVA-1.5, of which the language tower is taken.
    "llava": {"text_config": {"model_type": "llama", **LLAMA, **IDS}, "image_token_index": 1}
    | {"vision_config": {"model_type": "clip_vision_model", **CLIP, "patch_size": 8}},
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A function that makes the folder of a family."""
    root = tmp_path_factory.mktemp("families")

    def folder(family: str):
        path = root / family
        if not path.is_dir():
            torch.manual_seed(0)
            fields = FAMILIES[family] if family == "llava" else FAMILIES[family] | IDS
            config = AutoConfig.for_model(family, **fields)
            kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
            (AutoModelForImageTextToText if family == "llava" else kind).from_config(config).save_pretrained(path)
            TOKENIZER.save_pretrained(path)
        return path

    return folder


def model(folder, **fields):
    return LanguageModel(LanguageConfig(source=str(folder), max_new_tokens=5, **fields)).eval()


LORA = LoraConfig(rank=2, alpha=4, dropout=0.0)


@pytest.mark.parametrize(
    ("family", "lora"),
    [(name, None) for name in FAMILIES] + [(name, LORA) for name in ("llama", "gpt2", "opt", "mamba", "t5", "llava")],
)
def test_gradients_reach_every_weight_that_learns_and_padding_changes_nothing(folders, family, lora):
    language = model(folders(family), lora=lora)
    queries = torch.randn(2, 3, language.width, generator=torch.Generator().manual_seed(1), requires_grad=True)
    both = language.answers(queries, ["Describe it", "it"], TEXTS)
    losses.answer_loss(both.logits, both.labels).backward()
    learnt = {name: value for name, value in language.named_parameters() if value.requires_grad}
    still = [name for name, value in learnt.items() if value.grad is None or not bool(value.grad.isfinite().all())]
    assert learnt and not still and queries.grad.abs().sum() > 0
    with torch.no_grad():
        alone = language.answers(queries[:1], ["Describe it"], TEXTS[:1])
    # The logits that predict the answer, which padding must leave alone.
    where = (alone.labels[0] != losses.IGNORED).nonzero().flatten()
    said = (both.labels[0] != losses.IGNORED).nonzero().flatten()
    assert torch.equal(alone.labels[0][where], both.labels[0][said])
    torch.testing.assert_close(both.logits[0][said - 1], alone.logits[0][where - 1], atol=1e-5, rtol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("family", ["llama", "opt", "mamba", "t5", "bart", "llava"])
def test_what_is_generated_is_the_most_likely_next_token_each_time(folders, family):
    """``generate`` against an argmax over the logits of the answer so far, which training computes."""
    language = model(folders(family), lora=None)
    queries = torch.randn(1, 3, language.width, generator=torch.Generator().manual_seed(2))
    [said] = language.generate(queries, "Describe it")
    ids: list[int] = []
    language_ids = language._ids
    for _ in range(5):
        # One more answer token, whatever it is, has logits before it that say what should stand there.
        language._ids = lambda text, ids=ids: [*ids, 5] if text.strip() == "answer" else language_ids(text)
        found = language.answers(queries, ["Describe it"], ["answer"])
        last = int((found.labels[0] != losses.IGNORED).nonzero()[len(ids)])
        ids.append(int(found.logits[0, last - 1].argmax()))
        if ids[-1] == TOKENIZER.eos_token_id:
            break
    assert said == TOKENIZER.decode(ids, skip_special_tokens=True).strip()


@torch.no_grad()
def test_the_tower_of_a_model_of_images_is_that_model_without_an_image(folders):
    whole = AutoModelForImageTextToText.from_pretrained(folders("llava")).eval()
    ids = torch.tensor([TOKENIZER(TEXTS[0])["input_ids"]])
    tower = model(folders("llava"), lora=None)
    assert torch.equal(tower.network(input_ids=ids).logits, whole(input_ids=ids).logits)
    # Saved by its architecture, it comes back as a plain language model.
    again = LanguageModel(LanguageConfig(architecture=tower.architecture(), lora=None), TOKENIZER)
    again.network.load_state_dict(tower.network.state_dict())
    assert torch.equal(again.eval().network(input_ids=ids).logits, whole(input_ids=ids).logits)


def test_a_folder_without_its_tokenizers_vocabulary_is_refused(folders, tmp_path):
    """As a download of Vicuna without tokenizer.model: the class is there, and every text is cut into nothing."""
    from transformers import LlamaTokenizer

    folders("llama")
    AutoModelForCausalLM.from_pretrained(folders("llama")).save_pretrained(tmp_path)
    LlamaTokenizer(vocab={"<unk>": 0, "<s>": 1, "</s>": 2}, merges=[]).save_pretrained(tmp_path)
    with pytest.raises(BackendError, match="its vocabulary is not there.*copy all files of the tokenizer"):
        model(tmp_path)


def test_an_answer_of_no_tokens_is_refused(folders):
    language = model(folders("llama"), lora=None)
    language._ids = lambda text: [] if text.strip() == "dress" else [5]
    with pytest.raises(BackendError, match="cuts the answer 'dress' into nothing"):
        language.answers(torch.zeros(1, 3, language.width), ["it"], ["dress"])


def test_a_mark_beyond_the_models_rows_is_no_word_and_a_word_is_refused(folders, tmp_path):
    """Gemma 3 of 1 B has a mark of images beyond its rows, which no text produces."""
    folder = folders("gemma3_text")
    AutoModelForCausalLM.from_pretrained(folder).save_pretrained(tmp_path)
    more = language_tokenizer.train(TEXTS * 2, 200)
    more.add_special_tokens({"additional_special_tokens": ["<image_soft_token>"]})
    more.save_pretrained(tmp_path)
    assert len(model(tmp_path, lora=None).tokenizer) == len(TOKENIZER) + 1
    more.add_tokens(["chartreuse"])
    more.save_pretrained(tmp_path)
    with pytest.raises(BackendError, match="tokens, and the language model"):
        model(tmp_path, lora=None)
