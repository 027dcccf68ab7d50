from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import BackendError, ConfigError

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

import torch
from transformers import AutoTokenizer, BertTokenizer

from fashionbench_unifashion.qformer.tokenizer import SPECIAL, WordPieces, WordPiecesConfig, clean, load, train

if TYPE_CHECKING:
    from pathlib import Path

CAPTIONS = [
    "A red dress with long sleeves.",
    "A blue dress with short sleeves!",
    "Is longer and has (more) red",
    "Café-coloured jacket: zip; hood",
] * 3


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return train(CAPTIONS, WordPiecesConfig(vocabulary=120))


def spell(pieces: WordPieces, text: str) -> list[str]:
    return pieces._tokenizer.convert_ids_to_tokens(pieces([text]).ids[0].tolist())


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Is LONGER.", "is longer"),
        ('a "red" (long) dress!', "a red long dress"),
        ("a*b#c:d;e~f", "a b c d e f"),
        ("  two\n\tlines  ", "two lines"),
        ("v-neck, 100% cotton?", "v-neck, 100% cotton?"),
        ("", ""),
    ],
)
def test_cleaning_is_that_of_blip(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_a_learned_vocabulary_has_the_special_tokens_first(pieces: WordPieces) -> None:
    assert [pieces.pad, pieces.unk, pieces.cls, pieces.sep, pieces.mask, pieces.dec] == [0, 1, 2, 3, 4, 5]
    assert pieces._tokenizer.convert_ids_to_tokens(list(range(6))) == list(SPECIAL)
    assert pieces.vocabulary <= 120
    assert train(CAPTIONS, WordPiecesConfig(vocabulary=70)).vocabulary == 70


def test_common_words_are_whole_and_others_are_spelt(pieces: WordPieces) -> None:
    assert spell(pieces, "Red dress.") == ["[CLS]", "red", "dress", "[SEP]"]
    spelt = spell(pieces, "reds")
    assert spelt == ["[CLS]", "red", "##s", "[SEP]"]
    assert spell(pieces, "drab")[1:-1] != ["[UNK]"]
    assert spell(pieces, "漢")[1:-1] == ["[UNK]"]
    # Accents are taken off as in BERT uncased.
    assert spell(pieces, "café") == spell(pieces, "cafe")


def test_texts_are_padded_on_the_right_to_the_longest(pieces: WordPieces) -> None:
    ids, mask, cut = pieces(["red dress", "", "dress"])
    assert ids.shape == mask.shape == (3, 4)
    assert mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 1, 1, 0]]
    assert ids[1].tolist() == [pieces.cls, pieces.sep, pieces.pad, pieces.pad]
    assert ids.dtype == torch.long
    assert cut == ()


def test_what_is_cut_is_told_and_keeps_its_end() -> None:
    pieces = train(CAPTIONS, WordPiecesConfig(vocabulary=120, max_words=3, max_length=6))
    assert pieces(["red dress", "red red red", "red red red dress"]).cut == (2,)
    ids, _, cut = pieces(["sleeves hood jacketsandsleeves", "red"])
    assert cut == (0,)
    assert ids[0].tolist()[-1] == pieces.sep
    assert ids.shape == (2, 6)


def test_texts_come_back_without_special_tokens(pieces: WordPieces) -> None:
    ids = pieces(["a red dress with reds", "dress"]).ids
    assert pieces.decode(ids) == ["a red dress with reds", "dress"]
    started = torch.cat([torch.full((2, 1), pieces.dec), ids[:, 1:]], dim=1)
    assert pieces.decode(started) == ["a red dress with reds", "dress"]


def test_a_saved_tokenizer_reads_the_same(pieces: WordPieces, tmp_path: Path) -> None:
    pieces.save(tmp_path)
    again = load(tmp_path)
    assert again.vocabulary == pieces.vocabulary
    assert again.dec == pieces.dec
    for text in [*CAPTIONS, "unheard of", ""]:
        assert torch.equal(again([text]).ids, pieces([text]).ids)
    assert AutoTokenizer.from_pretrained(tmp_path)("red dress")["input_ids"] == pieces(["red dress"]).ids[0].tolist()


def test_bert_is_read_as_it_is_and_dec_is_added_at_the_end(pieces: WordPieces, tmp_path: Path) -> None:
    words = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "dress", "##es", "##s"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    peer = BertTokenizer(vocab=str(tmp_path / "vocab.txt"))
    peer.save_pretrained(tmp_path / "bert")
    bert = load(tmp_path / "bert")
    assert (bert.vocabulary, bert.dec, bert.pad, bert.cls) == (11, 10, 0, 3)
    assert bert(["Red dresses!"]).ids.tolist() == [[3, 6, 7, 8, 4]]
    assert bert(["[DEC] red"]).ids[0].tolist()[0] == 3
    bert.save(tmp_path / "again")
    assert load(tmp_path / "again").dec == 10


def test_a_tokenizer_of_another_kind_is_refused(pieces: WordPieces, tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    other = Tokenizer(models.WordLevel({"<unk>": 0, "[PAD]": 1}, unk_token="<unk>"))
    PreTrainedTokenizerFast(tokenizer_object=other, unk_token="<unk>").save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match=r"has no \[UNK\], \[CLS\], \[SEP\], \[MASK\]"):
        load(tmp_path)
    with pytest.raises(BackendError, match="no file or folder"):
        load(tmp_path / "nowhere")


def test_the_order_of_captions_and_the_process_do_not_matter(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from fashionbench_unifashion.qformer.tokenizer import WordPiecesConfig, train\n"
        f"train({CAPTIONS[::-1]!r}, WordPiecesConfig(vocabulary=120)).save(Path(sys.argv[1]))\n"
    )
    train(CAPTIONS, WordPiecesConfig(vocabulary=120)).save(tmp_path / "here")
    # Sets of texts have another order there.
    other = os.environ | {"PYTHONHASHSEED": "1234"}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "there")], check=True, env=other)
    one, two = ((tmp_path / folder / "tokenizer.json").read_bytes() for folder in ("here", "there"))
    assert one == two


def test_a_vocabulary_too_small_for_the_letters_is_refused() -> None:
    with pytest.raises(ConfigError, match="room is for 14"):
        train(CAPTIONS, WordPiecesConfig(vocabulary=20))
