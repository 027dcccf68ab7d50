"""Garment measures: length, sleeve and fit in body units."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench_atelier.world.garment import Product

EASE = {"slim": 0.035, "regular": 0.1, "loose": 0.2}
"""What a fit adds to the body's half-width."""

SLEEVE_END = {"cap": 0.13, "short": 0.3, "elbow": 0.49, "three-quarter": 0.73, "long": 1.0}
"""Where a sleeve ends, as a share of the arm from shoulder to wrist; sleeveless garments and straps have none."""

TOP_HEM = {"cropped": 1.62, "regular": 2.28, "long": 2.72}
JACKET_HEM = {"cropped": 1.72, "regular": 2.38, "long": 2.75}
COAT_HEM = 4.0
SKIRT_HEM = {"mini": 3.1, "knee": 4.0, "midi": 4.75, "maxi": 5.7}
LEG_END = {"short": 0.27, "bermuda": 0.5, "cropped": 0.82, "full": 1.02}
"""Where a trouser leg ends, as a share of the leg from hip to ankle."""

FLARE = {
    "shift dress": 0.13,
    "sheath dress": -0.03,
    "a-line dress": 0.42,
    "wrap dress": 0.3,
    "slip dress": 0.17,
    "shirt dress": 0.16,
    "pencil skirt": -0.05,
    "a-line skirt": 0.36,
    "pleated skirt": 0.4,
    "denim skirt": 0.07,
}
"""How much wider than the hips a skirt gets for each body unit below them."""


def ease(product: Product) -> float:
    """Half-width that a garment adds to the body; a jacket leaves room for a shirt."""
    thick = 0.06 if product.category == "jacket" else 0.03 if product.cut == "sweater" else 0.0
    return EASE[product.fit] + thick


def hem_height(product: Product) -> float:
    """Height of the hem of anything but trousers, in body units below the pit of the neck."""
    if product.category in {"dress", "skirt"}:
        return SKIRT_HEM[product.length]
    if product.category == "jacket":
        return COAT_HEM if product.cut == "coat" else JACKET_HEM[product.length]
    return TOP_HEM[product.length]


def block_height(product: Product) -> float:
    """Height at which a colour-blocked garment changes to its second colour, which gets less than half of the cloth."""
    top = 1.5 if product.category == "skirt" else 0.45 if product.sleeve == "strap" else 0.0
    # Skirts widen downwards, so the change comes later.
    share = 0.75 if product.category in {"skirt", "dress"} else 0.66
    return top + share * (hem_height(product) - top)
