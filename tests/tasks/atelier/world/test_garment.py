from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fashionbench_atelier.world.garment import ATTRIBUTES, Product, design, needs_second, vary
from fashionbench_atelier.world.palette import COLOURS, colour_distance, nearest
from fashionbench_atelier.world.relative_captions import differences
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CATEGORIES, CUTS, LENGTHS, SLEEVES

cuts = st.sampled_from(sorted(CUTS))


def check(product: Product) -> None:
    """What holds for every product, whether designed or varied."""
    rules = CUTS[product.cut]
    assert product.category in CATEGORIES
    assert product.fabric in rules.fabrics
    assert product.sleeve in rules.sleeves
    assert product.neckline in rules.necklines
    assert product.length in rules.lengths
    assert product.fit in rules.fits
    assert product.detail in rules.details
    assert product.pattern == "solid" or product.print == "none"
    assert nearest(product.dye) == product.colour
    if needs_second(product.pattern, product.print, product.detail):
        assert nearest(product.second_dye) == product.second
        assert colour_distance(product.colour, product.second) >= 40
    else:
        assert product.second == "none"
        assert product.second_dye == product.dye


@given(st.integers(), cuts)
@settings(max_examples=300)
def test_designed_products_keep_the_rules_of_their_cut(seed: int, cut: str) -> None:
    check(design(Rng(seed, "p"), 0, cut))


@given(st.integers(), cuts, st.integers(1, 3))
@settings(max_examples=300)
def test_varied_products_keep_the_rules_and_stay_near_the_original(seed: int, cut: str, count: int) -> None:
    rng = Rng(seed, "p")
    product = design(rng, 0, cut)
    varied = vary(rng, product, 1, count)
    check(varied)
    assert varied.id == 1
    assert varied.cut == product.cut
    # A new pattern or print may bring or lose the second colour and the other of the two.
    assert len(differences(product, varied)) <= 2 * count + 1


@pytest.mark.parametrize("cut", sorted(CUTS))
def test_every_option_of_a_cut_is_known(cut: str) -> None:
    rules = CUTS[cut]
    assert set(rules.sleeves) <= {*SLEEVES, "none"}
    assert set(rules.lengths) <= set(LENGTHS[rules.category])


def test_signature_is_every_field_that_can_be_named() -> None:
    product = design(Rng(1, "p"), 5, "t-shirt")
    assert {field.name for field in fields(Product)} == {*ATTRIBUTES, "id", "scale", "dye", "second_dye"}
    assert product.signature == tuple(getattr(product, name) for name in ATTRIBUTES)
    assert product.colour in COLOURS
