"""Outfits: which garments go together, and questions about them as in the Polyvore sets."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from fashionbench_atelier.world.palette import NEUTRALS
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fashionbench_atelier.world.garment import Product

_FAMILIES = (
    ("blue", "light blue", "teal"),
    ("green", "olive"),
    ("red", "burgundy", "pink"),
    ("yellow", "orange"),
    ("purple", "lilac"),
)
CHOICES = 4
"""Candidates of a fill-in-the-blank question."""


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Products that go together, with one of them blanked out and candidates for its place.

    :param items: ids of the products, compatible with each other.
    :param blank: position in ``items`` that the question blanks out.
    :param candidates: ids of the choices, of one category; only ``items[blank]`` is compatible with the others.
    """

    id: int
    items: tuple[int, ...]
    blank: int
    candidates: tuple[int, ...]

    @property
    def answer(self) -> int:
        """Position of the right choice in ``candidates``."""
        return self.candidates.index(self.items[self.blank])


def compatible(products: Iterable[Product]) -> bool:
    """Whether products go together; the exact truth behind every outfit task.

    They do if every two of them are for the same people, at most one step apart in formality, not both patterned, and
    either one is of a neutral colour or both colours are of one family.
    """
    return all(_pair(one, other) for one, other in combinations(tuple(products), 2))


def _pair(one: Product, other: Product) -> bool:
    for_all = "unisex" in (one.gender, other.gender) or one.gender == other.gender
    formal = abs(CUTS[one.cut].formality - CUTS[other.cut].formality) <= 1
    calm = one.pattern == "solid" or other.pattern == "solid"
    return for_all and formal and calm and _harmonise(one.colour, other.colour)


def _harmonise(one: str, other: str) -> bool:
    if one in NEUTRALS or other in NEUTRALS or one == other:
        return True
    return any(one in family and other in family for family in _FAMILIES)


def ensembles(seed: int, products: Sequence[Product], count: int) -> tuple[Ensemble, ...]:
    """Put together ``count`` outfits of two to three products, each with its question.

    An outfit is dropped where no three wrong candidates are found, which needs a very small world; so fewer may come.
    """
    pools: dict[str, list[Product]] = {}
    for product in products:
        pools.setdefault(product.category, []).append(product)
    complete = []
    for number in range(count):
        rng = Rng(seed, "outfit", number)
        ensemble = next((one for one in (_ensemble(rng, number, pools) for _ in range(20)) if one is not None), None)
        if ensemble is not None:
            complete.append(ensemble)
    return tuple(complete)


def _ensemble(rng: Rng, number: int, pools: dict[str, list[Product]]) -> Ensemble | None:
    plans = {
        ("dress", "jacket"): 1,
        ("toptee", "skirt"): 1,
        ("toptee", "trousers", "jacket"): 1.5,
        ("shirt", "trousers"): 1,
        ("shirt", "trousers", "jacket"): 1.5,
        ("toptee", "skirt", "jacket"): 1,
    }
    plan = rng.weighted(plans)
    if any(category not in pools for category in plan):
        return None
    items: list[Product] = []
    for category in plan:
        for _ in range(400):
            product = rng.pick(pools[category])
            if compatible([*items, product]):
                items.append(product)
                break
        else:
            return None
    blank = rng.below(len(items))
    others = [product for place, product in enumerate(items) if place != blank]
    wrong: list[int] = []
    for _ in range(400):
        product = rng.pick(pools[plan[blank]])
        if product.id not in wrong and not compatible([*others, product]):
            wrong.append(product.id)
            if len(wrong) == CHOICES - 1:
                break
    else:
        return None
    candidates = tuple(rng.shuffled([items[blank].id, *wrong]))
    return Ensemble(number, tuple(product.id for product in items), blank, candidates)
