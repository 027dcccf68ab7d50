"""Learn a vocabulary of word pieces.

The algorithm is that of tokenizers' ``WordPieceTrainer``: byte-pair encoding (Sennrich et al., ACL 2016) whose pieces
are written as BERT's. That one breaks ties by the order of a hash table, which differs from process to process; here
the alphabet breaks them.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

Pair: TypeAlias = tuple[str, str]


def learn(counts: Mapping[str, int], size: int, min_count: int) -> list[str]:
    """Learn word pieces: every letter, then again and again the commonest neighbours joined into one piece.

    Letters and digits are there both as the beginning of a word and within, so that every word of known letters can be
    spelt.

    :param counts: of each word.
    :param size: the largest number of pieces.
    :param min_count: neighbours that are rarer are not joined, and the vocabulary stays smaller than ``size``.
    :raises ConfigError: where there are more letters than ``size``.
    """
    pairs = _Pairs(counts)
    pieces = dict.fromkeys(sorted(pairs.letters()))
    if len(pieces) > size:
        msg = f"the captions have {len(pieces)} letters (at the beginning of words and within), and room is for {size}"
        raise ConfigError(msg, remedy="enlarge the vocabulary, or clean the captions of stray characters")
    while len(pieces) < size:
        pair = pairs.commonest(min_count)
        if pair is None:
            break
        joined = pair[0] + pair[1].removeprefix("##")
        pairs.join(pair, joined)
        pieces[joined] = None
    return list(pieces)


class _Pairs:
    """Neighbouring pieces in the words, counted; each join updates the words that it changes."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._words = [([word[0], *(f"##{letter}" for letter in word[1:])], counts[word]) for word in counts if word]
        self._total: Counter[Pair] = Counter()
        self._places: defaultdict[Pair, set[int]] = defaultdict(set)
        for place, (row, count) in enumerate(self._words):
            for pair in pairwise(row):
                self._total[pair] += count
                self._places[pair].add(place)
        self._heap = [(-count, pair) for pair, count in self._total.items()]
        heapq.heapify(self._heap)

    def letters(self) -> set[str]:
        """Collect the pieces of one letter."""
        pieces = {piece for row, _ in self._words for piece in row}
        both = {piece.removeprefix("##") for piece in pieces if piece[-1].isalnum()}
        return pieces | both | {f"##{letter}" for letter in both}

    def commonest(self, min_count: int) -> Pair | None:
        """Take the commonest pair, of equally common ones the first in the alphabet."""
        while self._heap:
            count, pair = heapq.heappop(self._heap)
            # An entry whose count is not the present one was overtaken by a later one.
            if -count == self._total[pair] and -count >= min_count:
                return pair
        return None

    def join(self, pair: Pair, joined: str) -> None:
        """Write a pair as one piece in all words."""
        changed = set()
        for place in self._places.pop(pair):
            before, count = self._words[place]
            after = _joined(before, pair, joined)
            self._words[place] = after, count
            for row, sign in ((before, -count), (after, count)):
                for neighbours in pairwise(row):
                    self._total[neighbours] += sign
                    changed.add(neighbours)
            for neighbours in pairwise(after):
                self._places[neighbours].add(place)
        for neighbours in changed:
            if self._total[neighbours] > 0:
                heapq.heappush(self._heap, (-self._total[neighbours], neighbours))


def _joined(row: list[str], pair: Pair, joined: str) -> list[str]:
    out: list[str] = []
    for piece in row:
        # From the left; a piece that was just joined is no longer the left half of a pair.
        if out and (out[-1], piece) == pair:
            out[-1] = joined
        else:
            out.append(piece)
    return out
