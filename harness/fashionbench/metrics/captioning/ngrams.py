"""Caption metrics that compare words in order: BLEU, CIDEr and ROUGE-L, on tokenised captions.

A tokenised caption is a string of words with spaces between them. The arithmetic is that of ``pycocoevalcap`` 1.2, to
which the literature's numbers belong, down to its small constants; where that answers with a number that means
nothing, an error says so instead. BLEU's counts are equal to the package's, the other values up to rounding; n-grams
are counted here as sorted numbers, which takes less time and memory than its dictionaries. What is kept a caption is
enough for the score of any multiset of captions, so that an interval by resampling counts nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]

ORDERS = 4
#: Of the F-measure of ROUGE-L: how many times as much recall counts as precision.
ROUGE_BETA = 1.2
#: Of the penalty of CIDEr-D on a difference in length.
CIDER_SIGMA = 6.0

_TINY, _SMALL = 1e-15, 1e-9


def bleu_counts(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """Count what BLEU is made of, as float [N, 10].

    The columns: words of the candidate; words of the reference that is nearest to it in length, the shorter of two that
    are equally near; n-grams of the candidate for n from 1 to 4; those of them that a reference has, as often at most
    as the one that has it most often.

    :param references: for each candidate, one or more.
    """
    grams = _Grams(candidates, references)
    count = len(candidates)
    rows = np.zeros((count, 2 + 2 * ORDERS))
    rows[:, 0] = grams.lengths[:count]
    lengths = grams.lengths[count:]
    nearest = np.lexsort((lengths, np.abs(lengths - rows[grams.owner, 0]), grams.owner))
    _, first = np.unique(grams.owner[nearest], return_index=True)
    rows[:, 1] = lengths[nearest][first]
    for order, (own, others, kinds) in enumerate(grams.orders()):
        keys, place = np.unique(grams.owner[others.text - count] * kinds + others.gram, return_inverse=True)
        most = np.zeros(keys.size, dtype=np.int64)
        np.maximum.at(most, place, others.count)
        at, found = _find(own.text * kinds + own.gram, keys)
        clipped = np.minimum(own.count[found], most[at])
        rows[:, 2 + order] = np.bincount(own.text, weights=own.count, minlength=count)
        rows[:, 2 + ORDERS + order] = np.bincount(own.text[found], weights=clipped, minlength=count)
    return rows


def bleu_score(counts: FloatArray, order: int) -> FloatArray:
    """Compute corpus BLEU up to n-grams of an order from summed counts [..., 10], in [0, 1].

    Source: K. Papineni et al., "BLEU", ACL 2002; with the constants of ``bleu_scorer.py``, which make the score of a
    corpus without any n-gram of the order positive but small.
    """
    words, nearest = counts[..., 0], counts[..., 1]
    guesses, correct = counts[..., 2 : 2 + order], counts[..., 2 + ORDERS : 2 + ORDERS + order]
    precision = ((correct + _TINY) / (guesses + _SMALL)).prod(axis=-1) ** (1 / order)
    ratio = (words + _TINY) / (nearest + _SMALL)
    score: FloatArray = precision * np.exp(np.minimum(1 - 1 / ratio, 0.0))
    return score


def rouge_l(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """Compute ROUGE-L of each candidate, as [N] in [0, 1].

    The F-measure of the best precision and the best recall over the references, which may be of two references; β is
    1.2 (C.-Y. Lin, "ROUGE", 2004, section 3; ``rouge.py``). A candidate without words scores 0, also against a
    reference without words, where ``pycocoevalcap`` gives 1.
    """
    values = np.zeros(len(candidates))
    for row, (candidate, refs) in enumerate(zip(candidates, references, strict=True)):
        if not candidate:
            continue
        words = candidate.split(" ")
        others = [reference.split(" ") for reference in refs]
        common = [_common_subsequence(words, other) for other in others]
        precision = max(common) / len(words)
        recall = max(count / len(other) for count, other in zip(common, others, strict=True))
        if precision and recall:
            weight = ROUGE_BETA**2
            values[row] = (1 + weight) * precision * recall / (recall + weight * precision)
    return values


def cider(candidates: Sequence[str], references: Sequence[Sequence[str]]) -> FloatArray:
    """Compute CIDEr-D of each candidate, as [N] in [0, 10]; papers print a hundred times the mean.

    Inverse document frequencies are those of the given references, one document a candidate (R. Vedantam et al.,
    "CIDEr", CVPR 2015, section 4; ``cider_scorer.py``), so that a value depends on which other items are evaluated.

    :raises MetricError: where no n-gram is rarer than another, as with one item or with the same references for all:
        every weight is then 0, and so would be the score of perfect captions.
    """
    grams = _Grams(candidates, references)
    count = len(candidates)
    pairs = np.maximum(grams.lengths - 1, 0)  # the length that the penalty looks at is in pairs of words
    penalty = np.exp(-((pairs[grams.owner] - pairs[count:]) ** 2) / (2 * CIDER_SIGMA**2))
    similarity = np.zeros(grams.owner.size)
    rare = False
    for own, others, kinds in grams.orders():
        owner = grams.owner[others.text - count]
        documents = np.bincount(np.unique(owner * kinds + others.gram) % kinds, minlength=kinds)
        rare |= bool(((documents > 0) & (documents < count)).any())
        # Of the quotient, for a difference of two logarithms need not be 0 where an n-gram is in every document.
        idf = np.log(max(count, 1) / np.maximum(documents, 1))
        left, right = own.count * idf[own.gram], others.count * idf[others.gram]
        at, found = _find(owner * kinds + others.gram, own.text * kinds + own.gram)
        common = np.minimum(left[at], right[found]) * right[found]
        dots = np.bincount(others.text[found] - count, weights=common, minlength=grams.owner.size)
        norms = np.sqrt(np.bincount(own.text, weights=left**2, minlength=count))[grams.owner]
        norms *= np.sqrt(np.bincount(others.text - count, weights=right**2, minlength=grams.owner.size))
        similarity += np.divide(dots, norms, out=np.zeros(dots.size), where=norms > 0) * penalty
    if not rare:
        msg = f"every n-gram of the references is in those of all {count} items, so that none has any weight"
        raise MetricError(msg, remedy="CIDEr needs several items with different references")
    sums = np.bincount(grams.owner, weights=similarity, minlength=count)
    return 10 * sums / ORDERS / np.bincount(grams.owner, minlength=count)


@dataclass(frozen=True, slots=True)
class _Counts:
    """Which n-gram is how often in which text, sorted by text and n-gram; all int [M]."""

    text: IntArray
    gram: IntArray
    count: IntArray


class _Grams:
    """The n-grams of candidates and of their references as numbers.

    Texts are numbered, candidates first; ``lengths`` are their words, ``owner`` is the candidate of each reference.
    """

    def __init__(self, candidates: Sequence[str], references: Sequence[Sequence[str]]) -> None:
        numbers: dict[str, int] = {}
        flat = [
            [numbers.setdefault(word, len(numbers)) for word in text.split()]
            for text in chain(candidates, chain.from_iterable(references))
        ]
        self.lengths = np.array([len(words) for words in flat], dtype=np.int64)
        self.owner = np.repeat(np.arange(len(candidates)), [len(refs) for refs in references])
        if len(references) != len(candidates) or len(np.unique(self.owner)) != len(candidates):
            raise MetricError(f"there is not a list of references for each of {len(candidates)} captions")
        self._words = np.fromiter(chain.from_iterable(flat), dtype=np.int64, count=int(self.lengths.sum()))
        self._vocabulary = max(len(numbers), 1)
        self._candidates = len(candidates)

    def orders(self) -> Iterator[tuple[_Counts, _Counts, int]]:
        """Count n-grams, one order after the other: of candidates, of references, and how many kinds there are."""
        text = np.repeat(np.arange(self.lengths.size), self.lengths)
        place = np.arange(text.size)
        left = np.repeat(np.cumsum(self.lengths), self.lengths) - place  # words from here to the end of the text
        gram, kinds = self._words, self._vocabulary
        for order in range(1, ORDERS + 1):
            if order > 1:
                # An n-gram is a shorter one and the next word; its number is made small again, or it would overflow.
                fits = left >= order
                text, place, left = text[fits], place[fits], left[fits]
                longer = gram[fits] * self._vocabulary + self._words[place + order - 1]
                kept, gram = np.unique(longer, return_inverse=True)
                kinds = max(kept.size, 1)
            keys, count = np.unique(text * kinds + gram, return_counts=True)
            split = int(np.searchsorted(keys, self._candidates * kinds))
            own, others = (
                _Counts(keys[part] // kinds, keys[part] % kinds, count[part])
                for part in (slice(split), slice(split, None))
            )
            yield own, others, kinds


def _find(wanted: IntArray, ascending: IntArray) -> tuple[IntArray, IntArray]:
    """Find numbers among others: the places of those that are there, and which of the wanted those are."""
    at = np.searchsorted(ascending, wanted)
    found = np.flatnonzero(at < ascending.size)
    found = found[ascending[at[found]] == wanted[found]]
    return at[found], found


def _common_subsequence(left: Sequence[str], right: Sequence[str]) -> int:
    """Compute the length of the longest common subsequence with the bits of one integer (H. Hyyrö, AWOCA 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(left):
        places[word] = places.get(word, 0) | 1 << place
    full = (1 << len(left)) - 1
    open_places = full
    for word in right:
        hits = open_places & places.get(word, 0)
        open_places = ((open_places + hits) | (open_places - hits)) & full
    return len(left) - open_places.bit_count()
