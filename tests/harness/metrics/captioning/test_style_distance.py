from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.style_distance import style_distance

wordy = st.lists(st.sampled_from(["red", "a", "hat", "the", "ドレス"]), min_size=1, max_size=9).map(" ".join)


@given(st.lists(wordy, min_size=1, max_size=8), st.lists(wordy, min_size=1, max_size=8))
def test_the_style_distance_is_that_of_scipy(left, right):
    from scipy.spatial.distance import jensenshannon

    def mass(texts):
        words = Counter(word for text in texts for word in text.split())
        pairs = Counter(pair for text in texts for pair in zip(["^", *text.split()], [*text.split(), "$"], strict=True))
        both: dict = {w: n / words.total() / 2 for w, n in words.items()}
        return both | {p: n / pairs.total() / 2 for p, n in pairs.items()}

    one, other = mass(left), mass(right)
    keys = sorted(one.keys() | other.keys(), key=str)
    expected = jensenshannon([one.get(k, 0) for k in keys], [other.get(k, 0) for k in keys], base=2)
    found = style_distance(left, right)
    assert found**2 == pytest.approx(float(expected) ** 2, abs=1e-12)
    assert found == style_distance(right, left)
    assert style_distance(left, left * 2) == pytest.approx(0, abs=1e-7)
    assert 0 <= found <= 1 + 1e-12


def test_captions_without_a_common_word_are_1_apart():
    assert style_distance(["red hat"], ["blue coat"]) == pytest.approx(1)
    with pytest.raises(MetricError, match="no caption has a word"):
        style_distance(["", ""], ["a"])
