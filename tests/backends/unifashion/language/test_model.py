"""The language model: what it learns from, what it answers, and what LoRA leaves alone."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from pydantic import ValidationError

from fashionbench.errors import BackendError
from fashionbench_unifashion.language import tokenizer as language_tokenizer
from fashionbench_unifashion.language.model import LanguageConfig, LanguageModel, LoraConfig
from fashionbench_unifashion.losses import losses

ARCHITECTURE = {
    "model_type": "llama",
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
TEXTS = [
    "a red dress with long sleeves",
    "a long blue shirt with buttons",
    "trousers",
    "USER: <Img></Img> Describe. Assistant:",
] * 2
QUERIES = 3


@pytest.fixture(scope="module")
def tokenizer():
    return language_tokenizer.train(TEXTS, 200)


def build(tokenizer, seed=0, **changes):
    """A model whose weights are large enough that every position matters."""
    torch.manual_seed(seed)
    fields = {"architecture": ARCHITECTURE, "lora": None, "max_new_tokens": 8, **changes}
    model = LanguageModel(LanguageConfig(**fields), tokenizer)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() > 1 and "lora" not in name:
                weight.normal_(std=0.3)
    return model.eval()


@pytest.fixture(scope="module")
def model(tokenizer):
    return build(tokenizer)


@pytest.fixture
def queries():
    return torch.randn(2, QUERIES, 16, generator=torch.Generator().manual_seed(1))


def test_labels_are_the_answer_and_its_end_and_nothing_else(model, tokenizer, queries):
    texts = ["a red dress", "a long blue shirt with buttons"]
    answers = model.answers(queries, ["Describe."] * 2, texts)
    assert answers.logits.shape[:2] == answers.labels.shape
    for row, text in zip(answers.labels, texts, strict=True):
        answer = row[row != losses.IGNORED]
        assert tokenizer.decode(answer) == f" {text}</s>"
        first = int((row != losses.IGNORED).nonzero()[0])
        before = [1 + len(tokenizer("USER: <Img>")["input_ids"]), QUERIES]
        assert first == sum(before) + len(tokenizer("</Img> Describe. Assistant:")["input_ids"])


def test_padding_does_not_change_a_row(model, queries):
    texts, instructions = ["a red dress", "a long blue shirt with buttons"], ["Describe.", "Describe the long dress."]
    both = model.answers(queries, instructions, texts)
    for at in range(2):
        alone = model.answers(queries[at : at + 1], instructions[at : at + 1], texts[at : at + 1])
        length = alone.labels.shape[1]
        assert torch.equal(both.labels[at, :length], alone.labels[0])
        assert (both.labels[at, length:] == losses.IGNORED).all()
        torch.testing.assert_close(both.logits[at, :length], alone.logits[0], rtol=0, atol=1e-5)


def test_the_loss_reaches_the_queries_and_depends_on_them(model, queries):
    queries.requires_grad_(requires_grad=True)
    answers = model.answers(queries, ["Describe."] * 2, ["a red dress", "trousers"])
    losses.answer_loss(answers.logits, answers.labels).backward()
    assert (queries.grad.abs().amax(dim=-1) > 0).all()


def test_an_answer_does_not_depend_on_the_batch(model):
    queries = torch.randn(6, QUERIES, 16, generator=torch.Generator().manual_seed(2)) * 2
    together = model.generate(queries, "Describe.")
    alone = [text for row in queries for text in model.generate(row[None], "Describe.")]
    assert together == alone
    assert len({*together}) > 1


def test_an_answer_is_what_greedy_search_finds_step_by_step(model, tokenizer, queries):
    before, after = model._prompt("Describe.")
    table = model.network.get_input_embeddings()
    row = torch.cat([table(torch.tensor(before)), queries[0], table(torch.tensor(after))])[None]
    said = []
    with torch.no_grad():
        while len(said) < 8 and tokenizer.eos_token_id not in said:
            step = model.network(inputs_embeds=row, use_cache=False).logits[0, -1].argmax()
            said.append(int(step))
            row = torch.cat([row, table(step)[None, None]], dim=1)
    assert model.generate(queries[:1], "Describe.") == [tokenizer.decode(said, skip_special_tokens=True).strip()]


def test_lora_starts_as_the_model_itself_and_leaves_its_weights_bit_for_bit(tokenizer, queries):
    plain = build(tokenizer)
    adapted = build(tokenizer, lora=LoraConfig(rank=2, alpha=4, dropout=0.0))
    base = {
        n.replace("base_model.model.", "").replace(".base_layer", ""): p for n, p in adapted.network.named_parameters()
    }
    with torch.no_grad():
        for name, weight in plain.network.named_parameters():
            base[name].copy_(weight)
    texts = ["a red dress", "trousers"]

    def read(model):
        return model.answers(queries, ["Describe."] * 2, texts)

    torch.testing.assert_close(read(plain).logits, read(adapted).logits)
    trained = [weight for weight in adapted.parameters() if weight.requires_grad]
    assert {name for name, weight in adapted.named_parameters() if weight.requires_grad} == {
        name for name, _ in adapted.named_parameters() if "lora_" in name
    }
    # Two matrices for each of seven linear layers in two blocks; the output head is left out.
    assert len(trained) == 2 * 7 * 2
    optimiser = torch.optim.AdamW(trained, lr=0.1)
    first = None
    for _ in range(5):
        answers = read(adapted)
        loss = losses.answer_loss(answers.logits, answers.labels)
        first = first or loss.item()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    assert loss.item() < first
    assert all(torch.equal(base[name], weight) for name, weight in plain.network.named_parameters())


def test_mean_embeddings_are_those_of_the_input_table(model, tokenizer):
    table = model.network.get_input_embeddings().weight
    found = model.mean_embeddings(["a red dress", ""])
    torch.testing.assert_close(found[0], table[tokenizer("a red dress")["input_ids"]].mean(0))
    assert not found[1].any()


def test_it_is_kept_in_the_type_that_is_asked_for(tokenizer, queries):
    half = build(tokenizer, dtype="bfloat16")
    assert {weight.dtype for weight in half.parameters()} == {torch.bfloat16}
    assert half.answers(queries, ["Describe."] * 2, ["a", "red"]).logits.dtype == torch.float32


def test_a_tokenizer_that_does_not_fit_is_refused(tokenizer):
    with pytest.raises(BackendError, match="the tokenizer has"):
        build(tokenizer, architecture={**ARCHITECTURE, "vocab_size": 5})
    endless = language_tokenizer.train(TEXTS, 200)
    endless.eos_token = None
    with pytest.raises(BackendError, match="no end token"):
        build(endless)


def test_a_pretrained_folder_brings_weights_and_tokenizer(model, tokenizer, queries, tmp_path):
    model.network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    loaded = LanguageModel(LanguageConfig(source=str(tmp_path), lora=None, max_new_tokens=8)).eval()
    assert loaded.generate(queries, "Describe.") == model.generate(queries, "Describe.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "a source or an architecture"),
        ({"source": "a/b", "architecture": ARCHITECTURE}, "and not both"),
        ({"architecture": {"hidden_size": 8}}, "no model_type"),
    ],
)
def test_a_model_has_one_origin(fields, said):
    with pytest.raises(ValidationError, match=said):
        LanguageConfig(**fields)
