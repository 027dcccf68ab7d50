"""Style distances of subsets against the metric on the texts themselves."""

from __future__ import annotations

import pytest

from fashionbench.diagnostics.style_counts import StyleCounts, distance_of
from fashionbench.metrics.captioning.style_distance import style_distance

TEXTS = ["a red dress", "a red red skirt with dots", "blue", "a blue dress", ""]


@pytest.mark.parametrize("split", [1, 2, 3])
def test_it_is_the_distance_of_the_metric(split):
    counted = StyleCounts(TEXTS)
    found = distance_of(counted.of(TEXTS[:split]), counted.of(TEXTS[split:]))
    assert found == pytest.approx(style_distance(TEXTS[:split], TEXTS[split:]))


def test_equal_texts_are_not_apart_and_texts_without_a_word_are_as_far_as_can_be():
    counted = StyleCounts(TEXTS)
    assert distance_of(counted.of(TEXTS[:2]), counted.of(TEXTS[:2])) == pytest.approx(0)
    assert distance_of(counted.of([""]), counted.of(TEXTS)) == 1
