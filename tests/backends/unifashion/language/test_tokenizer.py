"""The tokenizer of a small language model: to the letter, and the same whatever the order of its texts."""

from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="needs the optional dependencies fashionbench[models]")

from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import ConfigError
from fashionbench_unifashion.language import tokenizer as language_tokenizer

CORPUS = ["a red dress, with dots", "a red  shirt (long)", "blue trousers - 2 pockets", "a blue dress"]
LETTERS = sorted({letter for text in CORPUS for letter in text})


def ids(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


@given(st.text(alphabet=LETTERS, max_size=200))
def test_a_text_of_known_letters_comes_back_to_the_letter(text):
    tokenizer = language_tokenizer.train(CORPUS, 100)
    assert tokenizer.decode(ids(tokenizer, text)) == text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=40), min_size=1, max_size=6))
def test_what_it_was_trained_on_comes_back_to_the_letter(texts):
    tokenizer = language_tokenizer.train(texts, 5000)
    assert [tokenizer.decode(ids(tokenizer, text)) for text in texts] == texts


@pytest.mark.parametrize("text", ["a" * 200, " " * 200, "dress" * 40 + " " * 70 + "red"])
def test_long_words_and_long_gaps_are_no_unknown_words(text):
    tokenizer = language_tokenizer.train([*CORPUS, "s e"], 100)
    assert tokenizer.unk_token_id not in ids(tokenizer, text)
    assert tokenizer.decode(ids(tokenizer, text)) == text


@pytest.mark.parametrize("text", ["the end </s> of it", "<s>", "a <pad> b", "<unk>"])
def test_a_text_cannot_speak_of_special_tokens(text):
    tokenizer = language_tokenizer.train([*CORPUS, text], 200)
    found = ids(tokenizer, text)
    assert not {*found} & {*tokenizer.all_special_ids}
    assert tokenizer.decode(found, skip_special_tokens=True) == text


@given(st.permutations(CORPUS))
def test_the_order_of_the_texts_does_not_matter(texts):
    assert language_tokenizer.train(texts, 60).get_vocab() == language_tokenizer.train(CORPUS, 60).get_vocab()


def test_frequent_words_are_tokens_with_their_space_and_wanted_ones_always_are():
    vocabulary = language_tokenizer.train(CORPUS, 100, always=["USER: Assistant:"]).get_vocab()
    assert {" red", " dress", "USER", " Assistant", "a"} <= vocabulary.keys()
    assert " pockets" not in vocabulary
    assert len(language_tokenizer.train(CORPUS, 40).get_vocab()) <= 40


def test_a_vocabulary_without_room_for_letters_is_refused():
    with pytest.raises(ConfigError, match="no room"):
        language_tokenizer.train(CORPUS, 10)


def test_it_comes_back_from_its_folder(tmp_path):
    from transformers import AutoTokenizer

    tokenizer = language_tokenizer.train(CORPUS, 100)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    for text in [*CORPUS, "</s> a  red", "dots" * 30]:
        assert ids(loaded, text) == ids(tokenizer, text)
    assert (loaded.pad_token_id, loaded.bos_token_id, loaded.eos_token_id) == (0, 2, 3)
