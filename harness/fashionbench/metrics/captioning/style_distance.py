"""How far two collections of captions are apart in style, whatever they are captions of."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Iterable

    Masses = dict[tuple[str, ...], float]

_EDGE = ""  # stands before the first and behind the last word; no word is empty


def style_distance(captions: Iterable[str], references: Iterable[str]) -> float:
    """Compute the Jensen-Shannon distance of two collections of tokenised captions, in [0, 1].

    The square root of the divergence in bits (D. Endres and J. Schindelin, IEEE Trans. Inf. Theory 49, 2003, a metric)
    between two distributions. Half the mass of each is on words, half on pairs of neighbouring words, where the ends of
    a caption count as a neighbour. It says nothing of whether a caption fits its image, and it falls with the number of
    captions: compare collections of one size only.

    :raises MetricError: where one collection has no word.
    """
    left, right = _masses(captions, "caption"), _masses(references, "reference")
    return math.sqrt(max(_excess(left, right) + _excess(right, left), 0.0))  # rounding alone can bring it below 0


def _masses(texts: Iterable[str], name: str) -> Masses:
    words: Counter[tuple[str, ...]] = Counter()
    pairs: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        split = text.split()
        words.update((word,) for word in split)
        pairs.update(pairwise([_EDGE, *split, _EDGE]))
    if not words:
        raise MetricError(f"no {name} has a word, so that there is no style to compare")
    return {gram: n / part.total() / 2 for part in (words, pairs) for gram, n in part.items()}


def _excess(own: Masses, other: Masses) -> float:
    """Compute half the divergence of a distribution from the middle of both, in bits."""
    return math.fsum(p * math.log2(2 * p / (p + other.get(gram, 0.0))) for gram, p in own.items()) / 2
