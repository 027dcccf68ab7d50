from __future__ import annotations

import random
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.meteor import meteor_score, meteor_statistics, meteor_summands

WORDS = (
    "a the long short sleeve sleeves t-shirt shirts dress gown cotton jersey in navy blue and white slim with collar collars "
    "tonal stitching logo printed print size s $ 20\u00a01/2 -lrb- new -rrb- café 黒い trousers pants red scarlet running run of"
).split()


def statistics(lengths, functions, exact, chunks, words):
    """Write down the statistics of captions that match exactly only: content and function words on both sides."""
    return np.array([*lengths, *functions, *exact, *[0.0] * 12, chunks, *words], dtype=float)


def caption(rng: random.Random, longest: int = 14) -> str:
    return " ".join(rng.choices(WORDS, k=rng.randint(1, longest)))


def test_the_score_of_a_partial_match_is_the_published_formula():
    # Candidate of 5 words, 2 of them function words; reference of 4, 1 of them; 2 content and 1 function word match
    # exactly, in two chunks.
    row = statistics((5, 4), (2, 1), (2, 2, 1, 1), 2, (3, 3))
    precision = (0.75 * 2 + 0.25 * 1) / (0.75 * 3 + 0.25 * 2)
    recall = (0.75 * 2 + 0.25 * 1) / (0.75 * 3 + 0.25 * 1)
    mean = precision * recall / (0.85 * precision + 0.15 * recall)
    assert meteor_score(row) == pytest.approx(mean * (1 - 0.6 * (2 / 3) ** 0.2), abs=1e-15)


def test_the_modules_have_the_published_weights():
    def only(module):
        row = statistics((4, 4), (0, 0), (0, 0, 0, 0), 1, (2, 2))
        row[4 + 4 * module : 6 + 4 * module] = 2
        return row

    scores = meteor_score(np.stack([only(module) for module in range(4)]))
    np.testing.assert_allclose(scores / scores[0], [1, 0.6, 0.8, 0.6], rtol=1e-14)


def test_no_match_and_no_words_score_0_without_a_warning():
    rows = np.stack([
        statistics((3, 4), (1, 1), (0, 0, 0, 0), 0, (0, 0)),
        statistics((0, 4), (0, 1), (0, 0, 0, 0), 0, (0, 0)),
        np.zeros(23),
    ])  # fmt: skip
    assert meteor_score(rows).tolist() == [0, 0, 0]
    assert meteor_score(rows.sum(axis=0)) == 0


def test_one_chunk_of_a_full_match_is_no_fragment():
    whole = statistics((4, 4), (1, 1), (3, 3, 1, 1), 1, (4, 4))
    assert meteor_score(whole) == 1.0
    assert meteor_score(meteor_summands(np.stack([whole] * 9)).sum(axis=0)) == 1.0
    # Only on one side, or in two chunks, it counts.
    for other in (
        statistics((4, 5), (1, 1), (3, 3, 1, 1), 1, (4, 4)),
        statistics((4, 4), (1, 1), (3, 3, 1, 1), 2, (4, 4)),
    ):
        assert (meteor_summands(other[None])[0] == other).all()
        assert meteor_score(other) < 1


@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3, st.integers(1, 6)), min_size=1, max_size=20))
def test_scores_of_any_sum_are_fractions(rows):
    table = np.stack([
        statistics((m + a, m + b), (0, 0), (m, m, 0, 0), min(c, m), (m, m)) for m, a, b, c in rows
    ])  # fmt: skip
    total = meteor_score(meteor_summands(table).sum(axis=0))
    assert 0 <= total <= 1
    assert (total == 0) == (table[:, 4].sum() == 0)


def test_no_captions_need_no_program(monkeypatch, tmp_path):
    pytest.importorskip("pycocoevalcap", reason="needs the optional dependencies fashionbench[metrics]")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert meteor_statistics([], []).shape == (0, 23)
    with pytest.raises(MetricError, match="no usable Java runtime"):
        meteor_statistics(["a"], [["a"]])


@pytest.fixture(scope="module")
def package(meteor_program):
    return lambda cands, refs: meteor_program.compute_score(
        {i: list(r) for i, r in enumerate(refs)}, {i: [c] for i, c in enumerate(cands)}
    )


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("java") is None, reason="needs a Java runtime on PATH")
class TestWithJava:
    def test_captions_corpora_and_resamples_have_the_scores_of_the_package(self, package):
        rng = random.Random(5)
        references = [[caption(rng) for _ in range(rng.randint(1, 3))] for _ in range(160)]
        candidates = [
            refs[0] if i % 5 == 0 else " ".join(refs[-1].split()[: rng.randint(0, 8)] + caption(rng, 5).split())
            for i, refs in enumerate(references)
        ]
        candidates[3], candidates[4], candidates[6] = "", "||| | |", "red"
        references[7][0] = ""
        rows = meteor_statistics(candidates, references)
        corpus, captions = package(candidates, references)
        np.testing.assert_allclose(meteor_score(rows), captions, rtol=0, atol=1e-14)
        summands = meteor_summands(rows)
        assert meteor_score(summands.sum(axis=0)) == pytest.approx(corpus, abs=1e-14)
        assert corpus != pytest.approx(np.mean(captions), abs=1e-3)
        for size in (1, 2, 30, 160):
            drawn = rng.choices(range(160), k=size)
            there, _ = package([candidates[i] for i in drawn], [references[i] for i in drawn])
            # The program takes one sentence alone as a sum of one, where a full match has no chunk.
            assert meteor_score(summands[drawn].sum(axis=0)) == pytest.approx(there, abs=1e-14)

    def test_what_hangs_or_splits_the_package_is_one_caption_like_others(self, monkeypatch):
        # A decimal comma ends the program; options from the environment would bring it in.
        monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Duser.language=de -Duser.country=DE")
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
        rows = meteor_statistics(
            ["a red\nhat", "a red hat", "a red ||| hat", "blue", "a red hat"],
            [["a red hat"], ["a red\u2028hat"], ["a red hat"], ["a\rblue"], ["a red ||| hat"]],
        )
        assert meteor_score(rows)[[0, 1, 2, 4]].tolist() == [1, 1, 1, 1]
        assert 0 < meteor_score(rows)[3] < 1
