from __future__ import annotations

from collections import Counter

import pytest

from fashionbench_atelier.world.captions import PATTERN_ADJECTIVES, description, name, short_title
from fashionbench_atelier.world.garment import Product, design, vary
from fashionbench_atelier.world.palette import COLOURS
from fashionbench_atelier.world.relative_captions import EMPTY_RATE, NAMED, TYPO_RATE, annotate, differences
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS, FITS, LENGTHS, SLEEVES

PRODUCTS = [design(Rng(3, "p", number), number, sorted(CUTS)[number % len(CUTS)]) for number in range(400)]


def edits(one: str, other: str) -> int:
    """Edit distance with swaps of neighbours (optimal string alignment)."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if not i or not j:
                rows[i][j] = i + j
                continue
            cost = one[i - 1] != other[j - 1]
            rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@pytest.mark.parametrize("product", PRODUCTS[:60], ids=lambda product: product.cut)
def test_texts_name_cut_and_colour_and_no_other_colour_than_the_products(product: Product) -> None:
    texts = (description(3, product).text, short_title(3, product).text, name(product))
    for text in texts:
        said = text.lower()
        assert product.cut in said
        assert product.colour in said
        rest = said.replace(product.colour, "").replace(product.second, "")
        for colour in COLOURS:
            assert colour not in rest.replace("tailored", "")


def test_a_description_states_what_it_records() -> None:
    for product in PRODUCTS:
        text, states = description(3, product)
        if "pattern" in states:
            words = {
                "stripes": "stripe",
                "pinstripes": "stripe",
                "dots": "dot",
                "check": "check",
                "floral": "f",
                "chevron": "zigzag",
            }
            assert words.get(product.pattern, "")[:4] in text.lower() or product.pattern in {"chevron", "colour block"}
            assert product.second in text.lower()
        if "fit" in states:
            assert ("Slim fit" in text) == (product.fit == "slim")
            assert ("Relaxed fit" in text) == (product.fit == "loose")
        if product.pattern == "solid":
            assert not any(word in text.lower() for word in ("polka", "zigzag", "floral", "stripes throughout"))
        assert text.endswith(".")


def test_short_titles_are_lower_case_and_short() -> None:
    for product in PRODUCTS:
        text = short_title(3, product).text
        assert text == text.lower()
        assert len(text.split()) <= 12
        if "pattern" in short_title(3, product).states:
            assert PATTERN_ADJECTIVES[product.pattern] in text


def test_descriptions_tell_most_products_apart() -> None:
    texts = Counter(description(3, product).text for product in PRODUCTS)
    assert len(texts) > 0.97 * len(PRODUCTS)


def test_annotators_name_real_differences_and_use_the_right_words() -> None:
    for number, product in enumerate(PRODUCTS):
        rng = Rng(4, "relative", number)
        target = vary(rng, product, 1000 + number, 1 + number % 3)
        changed = set(differences(product, target))
        for caption in annotate(rng, product, target):
            assert set(caption.attributes) <= changed & set(NAMED)
            colours = {product.colour, product.second, target.colour, target.second}
            said = [name for name in COLOURS if name in caption.clean.lower().replace("tailored", "").split()]
            assert all(any(name in colour for colour in colours) for name in said), caption
            if caption.attributes == ("length",):
                order = LENGTHS[target.category]
                longer = order.index(target.length) > order.index(product.length)
                wrong = ("shorter", "higher") if longer else ("longer", "lower")
                assert not any(word in caption.clean.lower() for word in wrong)
            if caption.attributes == ("fit",):
                looser = FITS.index(target.fit) > FITS.index(product.fit)
                assert ("looser" in caption.clean) == looser
            if caption.attributes == ("sleeve",):
                longer = SLEEVES.index(target.sleeve) > SLEEVES.index(product.sleeve)
                assert ("shorter" if longer else "longer") not in caption.clean


def test_captions_have_about_as_many_mistakes_and_gaps_as_declared() -> None:
    pairs = []
    for number in range(4000):
        rng = Rng(9, "relative", number)
        product = PRODUCTS[number % len(PRODUCTS)]
        pairs.append(annotate(rng, product, vary(rng, product, -1, 2)))
    captions = [caption for pair in pairs for caption in pair]
    mistyped = [caption for caption in captions if caption.text != caption.clean]
    # Swapping two equal letters changes nothing, so a few mistakes do not show.
    assert 0.75 * TYPO_RATE < len(mistyped) / len(captions) < 1.2 * TYPO_RATE
    assert all(edits(caption.text, caption.clean) == 1 for caption in mistyped)
    empty = sum(not caption.text for caption in captions)
    assert 0.3 * EMPTY_RATE < empty / len(pairs) < 2.5 * EMPTY_RATE
    assert all(any(caption.text for caption in pair) for pair in pairs)


def test_annotators_say_that_equal_products_are_the_same() -> None:
    product = PRODUCTS[0]
    for caption in annotate(Rng(1, "same"), product, product):
        assert caption.attributes == ()
        assert "same" in caption.clean or "identical" in caption.clean


def test_the_two_annotators_word_things_differently() -> None:
    vocabulary: list[set[str]] = [set(), set()]
    for number, product in enumerate(PRODUCTS):
        rng = Rng(4, "voice", number)
        for speaker, caption in enumerate(annotate(rng, product, vary(rng, product, -1, 1))):
            vocabulary[speaker].add(caption.clean)
    assert not vocabulary[0] & vocabulary[1]
