from __future__ import annotations

import math
import random
from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.ngrams import bleu_counts, bleu_score, cider, rouge_l

pytest.importorskip("pycocoevalcap", reason="needs the optional dependencies fashionbench[metrics]")

captions = st.lists(st.sampled_from(["red", "a", "hat", "the", "20\u00a01/2", "-lrb-", "ドレス"]), max_size=9).map(
    " ".join
)
wordy = captions.filter(bool)
corpora = st.lists(st.tuples(captions, st.lists(wordy, min_size=1, max_size=3)), min_size=1, max_size=12)


def columns(corpus):
    return [candidate for candidate, _ in corpus], [refs for _, refs in corpus]


def keyed(corpus):
    return {i: refs for i, (_, refs) in enumerate(corpus)}, {i: [c] for i, (c, _) in enumerate(corpus)}


def test_bleu_of_two_captions_by_hand():
    counts = bleu_counts(["the the the cat", "a red hat"], [["the cat sat", "the cat"], ["a red hat"]])
    assert counts.tolist() == [[4, 3, 4, 3, 2, 1, 2, 1, 0, 0], [3, 3, 3, 2, 1, 0, 3, 2, 1, 0]]
    total = counts.sum(axis=0)
    assert bleu_score(total, 1) == pytest.approx(5 / 7)
    assert bleu_score(total, 2) == pytest.approx(math.sqrt(5 / 7 * 3 / 5))
    short = bleu_counts(["a red hat"], [["a red hat and coat and more"]])[0]
    assert bleu_score(short, 1) == pytest.approx(math.exp(1 - 7 / 3))


@given(corpora)
def test_bleu_is_that_of_the_package(corpus):
    from pycocoevalcap.bleu.bleu import Bleu

    whole, by_caption = Bleu(4).compute_score(*keyed(corpus), verbose=0)
    counts = bleu_counts(*columns(corpus))
    for order in (1, 2, 3, 4):
        np.testing.assert_allclose(bleu_score(counts.sum(axis=0), order), whole[order - 1], rtol=1e-12, atol=0)
        np.testing.assert_allclose(bleu_score(counts, order), by_caption[order - 1], rtol=1e-12, atol=0)


def at_random(count):
    """Captions of four words and more: nltk counts one n-gram where a caption has none."""
    rng = random.Random(11)
    words = "a the red blue long short dress hat coat with of cotton and sleeves".split()
    vocabulary = [*words, "20", "-lrb-", "ドレス"]

    def one():
        return " ".join(rng.choices(vocabulary, k=rng.randint(4, 12)))

    references = [[one(), one()] for _ in range(count)]
    return [" ".join(refs[0].split()[:5] + one().split()) for refs in references], references


def test_bleu_is_that_of_sacrebleu():
    sacrebleu = pytest.importorskip("sacrebleu", reason="sacrebleu, which it is compared with, is not installed")
    candidates, references = at_random(300)
    counts = bleu_counts(candidates, references).sum(axis=0)
    for order in (1, 2, 3, 4):
        bleu = sacrebleu.BLEU(tokenize="none", force=True, smooth_method="none", max_ngram_order=order)
        theirs = bleu.corpus_score(candidates, [[refs[k] for refs in references] for k in (0, 1)])
        assert bleu_score(counts, order) == pytest.approx(theirs.score / 100, abs=1e-11)


def test_bleu_is_that_of_nltk():
    bleu = pytest.importorskip("nltk.translate.bleu_score", reason="nltk, which it is compared with, is not installed")
    candidates, references = at_random(300)
    counts = bleu_counts(candidates, references).sum(axis=0)
    split = [[ref.split() for ref in refs] for refs in references]
    for order in (1, 2, 3, 4):
        theirs = bleu.corpus_bleu(split, [c.split() for c in candidates], weights=[1 / order] * order)
        assert bleu_score(counts, order) == pytest.approx(theirs, abs=1e-11)


def longest_common(left, right):
    @cache
    def length(i, j):
        if i == len(left) or j == len(right):
            return 0
        return 1 + length(i + 1, j + 1) if left[i] == right[j] else max(length(i + 1, j), length(i, j + 1))

    return length(0, 0)


@given(st.tuples(wordy, wordy))
def test_rouge_follows_from_the_longest_common_subsequence(pair):
    left, right = (text.split(" ") for text in pair)
    common = longest_common(left, right)
    precision, recall = common / len(left), common / len(right)
    expected = (1 + 1.44) * precision * recall / (recall + 1.44 * precision) if common else 0.0
    assert rouge_l([pair[0]], [[pair[1]]])[0] == pytest.approx(expected, abs=1e-15)


@given(corpora)
def test_rouge_is_that_of_the_package(corpus):
    from pycocoevalcap.rouge.rouge import Rouge

    _, values = Rouge().compute_score(*keyed(corpus))
    np.testing.assert_allclose(rouge_l(*columns(corpus)), values, rtol=0, atol=1e-15)


def test_an_empty_caption_scores_0_where_the_package_gives_1():
    from pycocoevalcap.rouge.rouge import Rouge

    assert rouge_l([""], [["a hat", ""]]).tolist() == [0]
    assert Rouge().calc_score([""], ["a hat", ""]) == 1


def cider_d(candidates, references):
    """CIDEr-D from its definition: tf-idf vectors by n, clipped cosine, penalty on the length, mean over n."""

    def grams(text, n):
        words = text.split()
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    def weights(text, n):
        return {g: c * math.log(len(references) / max(1, document[g])) for g, c in grams(text, n).items()}

    values = []
    for candidate, refs in zip(candidates, references, strict=True):
        total = 0.0
        for n in (1, 2, 3, 4):
            document = Counter(g for texts in references for g in set().union(*(grams(text, n) for text in texts)))
            own = weights(candidate, n)
            for ref in refs:
                other = weights(ref, n)
                norms = math.sqrt(sum(v * v for v in own.values())) * math.sqrt(sum(v * v for v in other.values()))
                dot = sum(min(v, other.get(g, 0.0)) * other.get(g, 0.0) for g, v in own.items())
                # The package counts a caption's pairs of words as its length.
                length = sum(grams(candidate, 2).values()) - sum(grams(ref, 2).values())
                total += dot / norms * math.exp(-(length**2) / 72) if norms else 0.0
        values.append(10 * total / 4 / len(refs))
    return values


@settings(max_examples=50)
@given(corpora.filter(lambda corpus: len({tuple(refs) for _, refs in corpus}) > 2))
def test_cider_is_that_of_the_package_and_of_its_definition(corpus):
    from pycocoevalcap.cider.cider import Cider

    candidates, references = columns(corpus)
    try:
        values = cider(candidates, references)
    except MetricError:
        assert max(cider_d([refs[0] for refs in references], references)) < 1e-12
        return
    np.testing.assert_allclose(values, Cider().compute_score(*keyed(corpus))[1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(values, cider_d(candidates, references), rtol=0, atol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_cider_without_rare_words_is_refused_instead_of_0(count):
    from pycocoevalcap.cider.cider import Cider

    corpus = [("a red hat", ["a red hat"])] * count
    assert Cider().compute_score(*keyed(corpus))[0] == 0
    with pytest.raises(MetricError, match=f"in those of all {count} items"):
        cider(*columns(corpus))


def test_cider_of_empty_references_is_refused():
    with pytest.raises(MetricError, match="CIDEr needs several items"):
        cider(["a hat", "a coat"], [[""], [""]])


def test_captions_without_a_list_of_references_are_refused():
    for candidates, references in ((["a", "b"], [["a"]]), (["a", "b"], [["a"], []])):
        with pytest.raises(MetricError, match="each of 2 captions"):
            bleu_counts(candidates, references)
