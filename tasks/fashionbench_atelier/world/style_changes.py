"""Style changes: a garment that is to have the colours and the pattern of another one, and what it then looks like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fashionbench_atelier.world.palette import colour_distance
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.world.garment import Product

#: Fabrics that bring colours or threads of their own, and details that show the second colour beside a pattern.
_FABRICS = frozenset({"denim", "leather"})
_DETAILS = frozenset({"contrast hem", "contrast trim", "side stripe"})
_FAR = 30.0
_TRIES = 200
_WORDS = {
    "stripes": "with {second} stripes",
    "pinstripes": "with {second} pinstripes",
    "dots": "with {second} polka dots",
    "check": "with a {second} check",
    "floral": "with {second} flowers",
    "chevron": "with {second} chevron stripes",
    "colour block": "with a lower panel in {second}",
}


@dataclass(frozen=True, slots=True)
class StyleChange:
    """A garment, by the id of its product, and the product whose colours and pattern it is to have."""

    garment: int
    style: int


def has_plain_style(product: Product) -> bool:
    """Whether colours and pattern are all that its style consists of: no print, no contrast, no denim or leather."""
    return product.print == "none" and product.detail not in _DETAILS and product.fabric not in _FABRICS


def restyled(product: Product, style: Product) -> Product:
    """Return a product in the colours and the pattern of another; cut, fabric and everything else stay."""
    return replace(
        product,
        colour=style.colour,
        second=style.second,
        pattern=style.pattern,
        scale=style.scale,
        dye=style.dye,
        second_dye=style.second_dye,
    )


def style_words(style: Product) -> str:
    """Say colours and pattern in words: ``white with navy stripes``; the exact dyes and the repeat are not said."""
    return " ".join(part for part in (style.colour, _WORDS.get(style.pattern, "").format(second=style.second)) if part)


def style_changes(seed: int, products: Sequence[Product], count: int) -> list[StyleChange]:
    """Choose up to ``count`` garments, and for each another product with a look that it does not have yet.

    Looks differ where the patterns do, or the main colours are at least 30 apart in CIELAB. A garment is given no
    pattern that its cut never has. Each garment is asked for once; one for which nothing is found is left out.
    """
    pool = [product for product in products if has_plain_style(product)]
    changes: list[StyleChange] = []
    for product in Rng(seed, "restyled").shuffled(pool):
        rng = Rng(seed, "style", product.id)
        style = next((one for one in (rng.pick(pool) for _ in range(_TRIES)) if _wanted(product, one)), None)
        if style is not None:
            changes.append(StyleChange(product.id, style.id))
        if len(changes) == count:
            break
    return changes


def _wanted(product: Product, style: Product) -> bool:
    possible = style.pattern in CUTS[product.cut].patterns
    return possible and (style.pattern != product.pattern or colour_distance(style.colour, product.colour) >= _FAR)
