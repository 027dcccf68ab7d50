from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import ConfigError
from fashionbench_unifashion.qformer.train_tokenizer import learn


def test_neighbours_are_joined_by_how_common_they_are() -> None:
    counts = Counter({"aab": 3, "ab": 2, "cb": 1})
    # Neighbours a and ##b stand side by side twice, a and ##a three times, ##a and ##b three times, c and ##b once. Of
    # the two threes the one with ##a comes first in the alphabet; then a and ##ab have three, then a and ##b two.
    letters = ["##a", "##b", "##c", "a", "b", "c"]
    assert learn(counts, 100, 2) == [*letters, "##ab", "aab", "ab"]
    assert learn(counts, 100, 1) == [*letters, "##ab", "aab", "ab", "cb"]
    assert learn(counts, 7, 2) == [*letters, "##ab"]


def test_letters_are_there_at_both_places_and_signs_where_they_stand() -> None:
    assert learn(Counter({"a": 1, "-": 1}), 9, 1) == ["##a", "-", "a"]


def test_letters_in_a_row_are_joined_from_the_left() -> None:
    # Three of ##a ##a, of which two can be joined; then two equal pairs, of which ##aa ##aa comes first.
    assert learn(Counter({"aaaaa": 5}), 4, 1) == ["##a", "a", "##aa", "##aaaa"]


def naive(counts: Counter[str], size: int, min_count: int) -> list[str]:
    """Counts everything anew before each join."""
    split = {word: [word[0], *("##" + letter for letter in word[1:])] for word in counts}
    letters = {letter for word in counts for letter in word}
    pieces = sorted(letters | {"##" + letter for letter in letters})
    while len(pieces) < size:
        total: Counter[tuple[str, str]] = Counter()
        for word, row in split.items():
            for pair in pairwise(row):
                total[pair] += counts[word]
        if not total:
            break
        pair = min(total, key=lambda pair: (-total[pair], pair))
        if total[pair] < min_count:
            break
        joined = pair[0] + pair[1][2:]
        if joined not in pieces:
            pieces.append(joined)
        for word, row in split.items():
            out, place = [], 0
            while place < len(row):
                if tuple(row[place : place + 2]) == pair:
                    out.append(joined)
                    place += 2
                else:
                    out.append(row[place])
                    place += 1
            split[word] = out
    return pieces


@given(
    words=st.dictionaries(st.text("abc", min_size=1, max_size=8), st.integers(1, 6), max_size=12),
    size=st.integers(6, 40),
    min_count=st.integers(1, 4),
)
def test_the_incremental_count_is_the_naive_one(words: dict[str, int], size: int, min_count: int) -> None:
    assert learn(Counter(words), size, min_count) == naive(Counter(words), size, min_count)


def test_more_letters_than_room_are_refused() -> None:
    with pytest.raises(ConfigError, match="have 6 letters .* room is for 5"):
        learn(Counter({"abc": 1}), 5, 1)
