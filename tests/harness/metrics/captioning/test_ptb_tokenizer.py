from __future__ import annotations

import importlib.util
import random
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.java import packaged
from fashionbench.metrics.captioning.ptb_tokenizer import one_line, sanitised, tokenised

slow = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH"),
    pytest.mark.skipif(importlib.util.find_spec("pycocoevalcap") is None, reason="needs fashionbench[metrics]"),
]

SEPARATORS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"
WORDS = (
    "A The long short-sleeved T-shirt dress cotton blend, jersey. in navy & white (slim) 100% don't can't \"Tonal\" 'raw' hem; "
    "logo: size S, 3/4 $20 20€ café naïve 黒い ドレス 👗 ☂ ® ™ … — – - -- a|b ||| #1 @brand v-neck 5-pocket 1,200.50 U.S. e.g. x2 "
    "http://a.example/b?c=d <b> </b> &amp; * [wool] {silk} ½ 10.5\" 6' o'clock rock'n'roll"
).split()
# What the program reads with the next line in mind.
ENDINGS = (
    "size S.|size XL.|made in the U.S.|by Acme Inc.|etc.|e.g.|3 p.m.|No.|vol. 2|co-|half-|<a href=|<!-- x|<b|<?xml|it's|don|$|\"|("
).split("|")
BEGINNINGS = ["The coat", "the coat", "<b> coat", "'s coat", "> coat", "--> coat", "20 coats", "😀", "", "..."]


def caption(rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(1, 20)))


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The tokeniser of pycocoevalcap; it writes beside itself, so it is moved to a folder where it may."""
    folder = tmp_path_factory.mktemp("tokenizer")
    jar = packaged("tokenizer", "stanford-corenlp-3.4.1.jar")
    (folder / jar.name).symlink_to(jar)
    source = shutil.copy(packaged("tokenizer", "ptbtokenizer.py"), folder)
    spec = importlib.util.spec_from_file_location("ptbtokenizer", source)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def tokenise(texts):
        found = module.PTBTokenizer().tokenize({i: [{"caption": text}] for i, text in enumerate(texts)})
        return [found[i][0] for i in range(len(texts))]

    return tokenise


@given(st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(SEPARATORS))))
def test_a_text_becomes_one_line_and_changes_nowhere_else(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert len((line + "\nnext").splitlines()) == 2
    assert [new for old, new in zip(text, line, strict=True) if old not in SEPARATORS] == [
        old for old in text if old not in SEPARATORS
    ]
    assert all(new == " " for old, new in zip(text, line, strict=True) if old in SEPARATORS)


@given(st.text("ab <>!?/=\"'\n"))
def test_only_unclosed_tags_are_cut(text):
    line = sanitised(text)
    assert line.replace(" ", "") == one_line(text).replace(" ", "")
    tail = line.rpartition(">")[2]
    assert not any(f"<{sign}" in tail for sign in "ab!?/")
    if ">" in text:
        assert line.startswith(one_line(text)[: text.rindex(">") + 1])


def test_a_lone_surrogate_is_refused():
    with pytest.raises(MetricError, match=r"lone surrogate, '\\ud83d', as its character 5"):
        tokenised(["hat \ud83d"])


def test_no_texts_need_no_program(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert tokenised([]) == []
    with pytest.raises(MetricError, match="no usable Java runtime"):
        tokenised(["a hat"])


class TestWithJava:
    pytestmark = slow

    def test_the_quirks_of_the_literature_are_kept(self):
        assert tokenised(["A (new) coat, size S.", "$20 1/2", "👗 hat...", "", "don't <b>", "! -?", "<3"]) == [
            "a -lrb- new -rrb- coat size s",
            "$ 20\u00a01/2",
            "hat",
            "",
            "do n't <b>",
            "",
            "< 3",
        ]

    def test_500_captions_have_the_words_of_the_package(self, package):
        rng = random.Random(7)
        texts = (
            [caption(rng) for _ in range(480)] + [""] * 10 + ["a\nb", "a ||| b", "\t", " x ", "…", "a\n\nb"] + ["z"] * 4
        )
        rng.shuffle(texts)
        # The package answers for these alone: it loses its place at other separators, and lets the next caption decide
        # on an abbreviation at the end.
        texts = [text + " end" if text.endswith(("U.S.", "e.g.")) else text for text in texts]
        assert len(texts) == 500
        assert tokenised(texts) == package(texts)

    def test_a_line_separator_moves_no_caption_to_another_image(self, package):
        for sign in SEPARATORS:
            texts = ["red hat", f"blue{sign}shoe", f"{sign}green{sign}{sign}", "black coat", sign, "last"]
            assert tokenised(texts) == ["red hat", "blue shoe", "green", "black coat", "", "last"], ascii(sign)
        # This is what the package makes of it.
        assert package(["red hat", "blue\u2028shoe", "black coat"]) == ["red hat", "blue", "shoe"]

    def test_every_character_of_the_first_plane_stays_in_its_line(self):
        texts = [f"a{chr(code)}b w{code}" for code in range(0x10000) if not 0xD800 <= code < 0xE000]
        assert [words.rsplit(" ", 1)[-1] for words in tokenised(texts)] == [text.rsplit(" ", 1)[-1] for text in texts]

    def test_the_words_of_a_caption_depend_on_no_other_caption(self):
        rng = random.Random(3)
        texts = [f"{a} {b}" for a in BEGINNINGS for b in ENDINGS] + BEGINNINGS + ENDINGS
        first = dict(zip(texts, tokenised(texts), strict=True))
        for _ in range(5):
            rng.shuffle(texts)
            assert dict(zip(texts, tokenised(texts), strict=True)) == first
        # In the package the first letter of the next caption decides.
        assert first["The coat size S."] == "the coat size s"

    def test_a_tag_that_ends_in_another_caption_is_refused(self):
        with pytest.raises(MetricError, match="text 2 opens a tag that ends in a later text"):
            tokenised(["hat", "<a href='q > x", "y' > z"])
