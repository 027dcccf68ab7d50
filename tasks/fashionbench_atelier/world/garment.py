"""Product attributes: what decides how a product looks and what is true of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fashionbench_atelier.world.palette import COLOURS, NEUTRALS, Rgb, colour_distance
from fashionbench_atelier.world.silhouettes import CUTS

if TYPE_CHECKING:
    from fashionbench_atelier.world.rng import Rng
    from fashionbench_atelier.world.silhouettes import Cut

ATTRIBUTES = (
    "cut",
    "colour",
    "second",
    "pattern",
    "print",
    "fabric",
    "sleeve",
    "neckline",
    "length",
    "fit",
    "detail",
)
"""The fields of a product that can be seen and named, in the order of a signature."""

_CLASHING_FABRIC_COLOURS = {
    "denim": ("navy", "blue", "light blue", "black", "grey", "white"),
    "leather": ("black", "brown", "burgundy", "red", "navy", "olive", "beige"),
}


@dataclass(frozen=True, slots=True)
class Product:
    """One product; equal attributes and ``dye`` give equal images up to pose, crop and light.

    :param id: number of the product in its world.
    :param cut: key of :data:`~fashionbench_atelier.world.silhouettes.CUTS`.
    :param colour: main colour, key of :data:`~fashionbench_atelier.world.palette.COLOURS`; covers more than half of it.
    :param second: colour of pattern, print or contrast; ``none`` where the product shows only one colour.
    :param scale: size of the pattern's repeat relative to its usual size, 0.75–1.35.
    :param dye: the exact sRGB of the main colour; its nearest name is ``colour``.
    :param second_dye: the exact sRGB of the second colour; that of the main colour where ``second`` is ``none``.
    """

    id: int
    cut: str
    colour: str
    second: str
    pattern: str
    print: str
    fabric: str
    sleeve: str
    neckline: str
    length: str
    fit: str
    detail: str
    scale: float
    dye: Rgb
    second_dye: Rgb

    @property
    def category(self) -> str:
        """One of :data:`~fashionbench_atelier.world.silhouettes.CATEGORIES`."""
        return CUTS[self.cut].category

    @property
    def gender(self) -> str:
        """Who it is made for: ``women``, ``men`` or ``unisex``."""
        return CUTS[self.cut].gender

    @property
    def signature(self) -> tuple[str, ...]:
        """Every attribute that can be named; words cannot distinguish products of one signature."""
        return tuple(getattr(self, name) for name in ATTRIBUTES)


def needs_second(pattern: str, print_: str, detail: str) -> bool:
    """Whether a product of these attributes shows a second colour."""
    return pattern != "solid" or print_ != "none" or detail in {"contrast hem", "contrast trim", "side stripe"}


def design(rng: Rng, identity: int, cut: str) -> Product:
    """Draw a product of a cut."""
    rules = CUTS[cut]
    fabric = rng.weighted(rules.fabrics)
    pattern = rng.weighted(rules.patterns) if fabric not in {"leather", "denim"} else "solid"
    print_ = rng.weighted(rules.prints) if pattern == "solid" else "none"
    detail = rng.weighted(rules.details)
    colour = rng.pick(_CLASHING_FABRIC_COLOURS.get(fabric, tuple(COLOURS)))
    second = contrast(rng, colour) if needs_second(pattern, print_, detail) else "none"
    dye = tint(rng, colour)
    return Product(
        id=identity,
        cut=cut,
        colour=colour,
        second=second,
        pattern=pattern,
        print=print_,
        fabric=fabric,
        sleeve=rng.weighted(rules.sleeves),
        neckline=rng.weighted(rules.necklines),
        length=rng.weighted(rules.lengths),
        fit=rng.weighted(rules.fits),
        detail=detail,
        scale=rng.between(0.75, 1.35),
        dye=dye,
        second_dye=tint(rng, second) if second != "none" else dye,
    )


def contrast(rng: Rng, colour: str) -> str:
    """Draw a colour that is seen on ``colour``: at least 45 apart in CIELAB, neutral ones half of the time."""
    clear = [name for name in COLOURS if colour_distance(name, colour) >= 45.0]
    neutral = [name for name in clear if name in NEUTRALS]
    return rng.pick(neutral if neutral and rng.chance(0.5) else clear)


def tint(rng: Rng, colour: str) -> Rgb:
    """Draw an exact dye of a named colour, within 7 of its definition in every channel."""
    red, green, blue = COLOURS[colour]
    shift = rng.between(-4, 4)

    def channel(value: int) -> int:
        return round(min(250.0, max(14.0, value + shift + rng.between(-3, 3))))

    return channel(red), channel(green), channel(blue)


def vary(rng: Rng, product: Product, identity: int, count: int) -> Product:
    """Change ``count`` attributes of a product and keep the rest: the target that a relative caption describes.

    A change of pattern, print or detail may bring a second colour or take it away; that is one change, not two.
    Attributes that the cut does not leave open are not changed, so fewer than ``count`` may change for a simple cut,
    but always at least the colour can.
    """
    rules = CUTS[product.cut]
    changed = product
    for name in rng.sample(_open_attributes(rules, product), count):
        changed = _change(rng, changed, name, rules)
    return replace(changed, id=identity)


_OPTIONS = {
    "pattern": "patterns",
    "print": "prints",
    "fabric": "fabrics",
    "sleeve": "sleeves",
    "neckline": "necklines",
    "length": "lengths",
    "fit": "fits",
    "detail": "details",
}


def _open_attributes(rules: Cut, product: Product) -> list[str]:
    named = [name for name, options in _OPTIONS.items() if len(getattr(rules, options)) > 1]
    if product.fabric in {"leather", "denim"}:
        named = [name for name in named if name not in {"pattern", "fabric", "print"}]
    # The fabric is hard to see and rarely what a shopper asks for; the colour is what they ask for most.
    return [name for name in named if name != "fabric"] + ["colour", "colour"]


def _change(rng: Rng, product: Product, name: str, rules: Cut) -> Product:
    if name == "colour":
        choices = _CLASHING_FABRIC_COLOURS.get(product.fabric, tuple(COLOURS))
        clear = [name for name in choices if name != product.second and colour_distance(name, product.colour) >= 30.0]
        colour = rng.pick(clear)
        dye = tint(rng, colour)
        changed = replace(product, colour=colour, dye=dye)
        if product.second == "none":
            return replace(changed, second_dye=dye)
        far = colour_distance(product.second, colour) >= 40.0
        second = product.second if far else contrast(rng, colour)
        return replace(changed, second=second, second_dye=product.second_dye if far else tint(rng, second))
    options: dict[str, float] = {k: w for k, w in getattr(rules, _OPTIONS[name]).items() if k != getattr(product, name)}
    chosen: dict[str, Any] = {name: rng.weighted(options)}
    changed = replace(product, **chosen)
    if name == "pattern" and changed.pattern != "solid":
        changed = replace(changed, print="none")
    elif name == "print" and changed.print != "none":
        changed = replace(changed, pattern="solid")
    if not needs_second(changed.pattern, changed.print, changed.detail):
        return replace(changed, second="none", second_dye=changed.dye)
    if changed.second == "none":
        second = contrast(rng, changed.colour)
        return replace(changed, second=second, second_dye=tint(rng, second))
    return changed
