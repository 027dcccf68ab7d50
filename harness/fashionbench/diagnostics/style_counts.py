"""Style distances of many subsets of the same texts, from how often each word and pair of words stands in each text."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Counts = NDArray[np.float64]

_EDGE = ""  # stands before the first and behind the last word; no word is empty


class StyleCounts:
    """Counts of words and pairs of words in texts that may be compared.

    :param texts: every text that will be asked about, in words with one space between them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        found = dict.fromkeys(texts)
        grams = [(_words(text), _pairs(text)) for text in found]
        self._places = [
            {gram: at for at, gram in enumerate(dict.fromkeys(gram for both in grams for gram in both[kind]))}
            for kind in (0, 1)
        ]
        self._rows = dict(zip(found, range(len(found)), strict=True))
        self._counts = [np.zeros((len(found), max(len(places), 1))) for places in self._places]
        for row, both in enumerate(grams):
            for kind, listed in enumerate(both):
                for gram in listed:
                    self._counts[kind][row, self._places[kind][gram]] += 1

    def of(self, texts: Sequence[str]) -> tuple[Counts, Counts]:
        """Return the counts of words and of pairs of each text, [N, words] and [N, pairs]."""
        at = [self._rows[text] for text in texts]
        return self._counts[0][at], self._counts[1][at]


def distance_of(captions: tuple[Counts, Counts], references: tuple[Counts, Counts]) -> float:
    """Return the style distance of :mod:`fashionbench.metrics.captioning.style_distance`; 1 where one has no word."""
    if not captions[0].any() or not references[0].any():
        return 1.0
    divergence = 0.0
    for one, two in zip(captions, references, strict=True):
        # Half the mass is on words and half on pairs.
        p, q = (side.sum(axis=0) / side.sum() / 2 for side in (one, two))
        for own, other in ((p, q), (q, p)):
            kept = own > 0
            divergence += float((own[kept] * np.log2(2 * own[kept] / (own[kept] + other[kept]))).sum()) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def _words(text: str) -> list[tuple[str, ...]]:
    return [(word,) for word in text.split()]


def _pairs(text: str) -> list[tuple[str, ...]]:
    return list(pairwise([_EDGE, *text.split(), _EDGE]))
