from __future__ import annotations

import numpy as np
import pytest

from fashionbench_atelier.rendering.portrait import render_garment
from fashionbench_atelier.world.palette import colour_distance, lab
from fashionbench_atelier.world.silhouettes import CUTS
from fashionbench_atelier.world.style_changes import has_plain_style, restyled, style_changes, style_words
from fashionbench_atelier.world.world import World

WORLD = World(3, size=300, people=0, outfits=0)


@pytest.fixture(scope="module")
def changes():
    return style_changes(WORLD.seed, WORLD.products, 40)


def test_each_garment_is_asked_for_once_in_a_look_that_it_has_not_and_may_have(changes):
    assert len(changes) == len({change.garment for change in changes}) == 40
    patterns = set()
    for change in changes:
        one, other = WORLD.products[change.garment], WORLD.products[change.style]
        assert has_plain_style(one) and has_plain_style(other)
        assert other.pattern in CUTS[one.cut].patterns
        assert other.pattern != one.pattern or colour_distance(one.colour, other.colour) >= 30
        patterns.add(other.pattern)
    assert len(patterns) > 3 and "solid" in patterns


def test_a_restyled_garment_has_the_other_ones_style_and_its_own_shape(changes):
    for change in changes[:6]:
        one, other = WORLD.products[change.garment], WORLD.products[change.style]
        made = restyled(one, other)
        assert (made.colour, made.second, made.pattern, made.dye) == (
            other.colour,
            other.second,
            other.pattern,
            other.dye,
        )
        kept = ("id", "cut", "fabric", "sleeve", "neckline", "length", "fit", "detail", "print")
        assert all(getattr(made, name) == getattr(one, name) for name in kept)
        before, after = (render_garment(WORLD.seed, product, 96, 128) for product in (one, made))
        assert np.array_equal(before.target, after.target)
        assert np.array_equal(before.labels, after.labels)
        inside, outside = before.target > 0.99, before.target == 0
        assert np.array_equal(before.rgb[outside], after.rgb[outside])
        moved = np.linalg.norm(np.median(lab(after.rgb[inside]), axis=0) - lab(other.dye))
        second = np.linalg.norm(np.median(lab(after.rgb[inside]), axis=0) - lab(other.second_dye))
        assert min(moved, second) < 20


def test_the_same_seed_gives_the_same_changes_and_another_others(changes):
    assert style_changes(WORLD.seed, WORLD.products, 40) == changes
    assert style_changes(WORLD.seed + 1, WORLD.products, 40) != changes
    assert style_changes(WORLD.seed, WORLD.products, 7) == changes[:7]
    assert style_changes(WORLD.seed, WORLD.products[:1], 7) == []


def test_words_name_the_colours_and_the_pattern(changes):
    for change in changes:
        style = WORLD.products[change.style]
        text = style_words(style)
        assert text.startswith(style.colour)
        assert (text == style.colour) == (style.pattern == "solid")
        assert style.pattern == "solid" or style.second in text.removeprefix(style.colour)
