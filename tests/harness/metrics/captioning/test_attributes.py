"""Attribute accuracy: hand-made captions, and the words of the generated world against its ground truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashionbench.errors import MetricError
from fashionbench.metrics.captioning.attributes import (
    attribute_category,
    attribute_colour,
    attribute_pattern,
    attribute_sleeve,
    attribute_words,
)
from fashionbench.metrics.contract import MetricArguments
from fashionbench.predictions.captions import AS_RELEASED, captions_table
from fashionbench_atelier.world.captions import PATTERN_ADJECTIVES, description
from fashionbench_atelier.world.world import World

METRICS = {
    "category": attribute_category,
    "colour": attribute_colour,
    "pattern": attribute_pattern,
    "sleeve": attribute_sleeve,
}


def outcome(attribute, rows, **card):
    names = [f"i{number}" for number in range(len(rows))]
    captions, references = [row[0] for row in rows], [row[1] for row in rows]
    return METRICS[attribute](captions_table("all", names, names, captions, references), MetricArguments((), card))


@pytest.mark.parametrize(
    ("attribute", "text", "value"),
    [
        ("colour", "A light-blue dress with a navy hem", "light blue"),
        ("colour", "Navy blue and white", "navy"),
        ("colour", "reddish, tired, in GRAY", "grey"),
        ("colour", "multicoloured", None),
        ("category", "Short sleeve polo shirts", "polo shirt"),
        ("category", "Cropped T‑shirt over a skirt", "t-shirt"),
        ("category", "a shirt dress", "shirt dress"),
        ("category", "Wide-leg trousers, cut as shorts", "wide-leg trousers"),
        ("category", "stop, topaz", None),
        ("pattern", "polka dots in white", "dotted"),
        ("pattern", "Fine vertical stripes", "pinstriped"),
        ("sleeve", "Three-quarter sleeve blouse", "three-quarter"),
        ("sleeve", "sleeve", None),
    ],
)
def test_the_first_and_longest_word_counts(attribute, text, value):
    assert attribute_words(attribute).first(text) == value


def test_items_without_the_attribute_are_left_out_and_silent_captions_are_wrong():
    rows = [("a red coat", ["Red coat."]), ("a coat", ["blue coat"]), ("a red hat", ["a hat"]), (None, ["in green"])]
    found = outcome("colour", rows)
    assert found.values.tolist() == [1, 0, 0] and found.rows.tolist() == [True, True, False, True]
    assert found.method == "3 of 4 references name a colour; of their captions 2 name none"


def test_any_reference_may_be_met():
    assert outcome(
        "colour", [("teal top", ["blue top", "a teal one"]), ("red", ["blue", "a teal one"])]
    ).values.tolist() == [1, 0]


def test_swapped_roles_are_read_back():
    rows = [("a red coat", ["red coat"]), ("a coat in navy", ["red coat"])]
    assert outcome("colour", rows, caption_metric=AS_RELEASED).values.tolist() == [1, 0]


def test_texts_without_any_attribute_are_refused():
    with pytest.raises(MetricError, match="no reference names a sleeve"):
        outcome("sleeve", [("a hat", ["a hat"])])


@given(st.text(), st.text())
def test_a_caption_that_is_its_reference_is_right(text, other):
    words = attribute_words("colour")
    if words.first(text) is not None:
        assert outcome("colour", [(text, [text])]).values.tolist() == [1]
    # What comes after the first value does not matter.
    assert words.first(f"red . {other}") == "red" or not f"red . {other}".startswith("red ")


def test_the_words_say_of_the_generated_world_what_is_true_of_it():
    """Whatever a description of a product states, the list reads from it."""
    world = World(3, 300, 4, 4)
    sleeves = {"strap", "sleeveless", "cap", "short", "elbow", "three-quarter", "long"}
    seen = dict.fromkeys(METRICS, 0)
    for product in world.products:
        told = description(3, product)
        cut = {"tee": "t-shirt", "button-up shirt": "shirt"}.get(product.cut, product.cut)
        assert attribute_words("category").first(told.text) == cut
        assert attribute_words("colour").first(told.text) == product.colour
        seen["category"] += 1
        seen["colour"] += 1
        if product.sleeve in sleeves:
            assert attribute_words("sleeve").first(told.text) == product.sleeve
            seen["sleeve"] += 1
        if "pattern" in told.states:
            wanted = attribute_words("pattern").first(PATTERN_ADJECTIVES[product.pattern])
            assert wanted is not None and attribute_words("pattern").first(told.text) == wanted
            seen["pattern"] += 1
    assert min(seen.values()) > 20
