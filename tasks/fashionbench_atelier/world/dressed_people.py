"""People of the try-on tasks: their outfits, and the paired and unpaired lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.rendering.layering import Outfit, order
from fashionbench_atelier.rendering.photos import basic_garments
from fashionbench_atelier.world.person import draw_person
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.person import Person

REGIONS = ("upper_body", "lower_body", "dresses")
"""Names of Dress Code's three categories."""

_CATEGORIES = {"upper_body": ("shirt", "toptee", "jacket"), "lower_body": ("skirt", "trousers"), "dresses": ("dress",)}
_TEST_SHARE = 0.3


@dataclass(frozen=True, slots=True)
class DressedPerson:
    """A person in an outfit, one record of a try-on set.

    :param layout: ``viton-hd`` (upper body only) or ``dress-code``.
    :param region: one of :data:`REGIONS`.
    :param split: ``train`` or ``test``.
    :param garment: id of the product that the task is about; the outfit shows it.
    """

    id: int
    layout: str
    region: str
    split: str
    person: Person
    garment: int
    outfit: Outfit


def dressed_people(seed: int, products: Sequence[Product], count: int) -> tuple[DressedPerson, ...]:
    """Dress ``count`` people; two in five are for the VITON-HD layout, the others go round the regions of Dress Code.

    No two people of one layout and region wear the same garment, as long as there are enough garments.
    """
    pools: dict[str, list[Product]] = {region: [] for region in REGIONS}
    for product in products:
        for region, categories in _CATEGORIES.items():
            if product.category in categories:
                pools[region].append(product)
    bags: dict[tuple[str, str], list[Product]] = {}
    people = []
    for number in range(count):
        layout = "viton-hd" if number % 5 < 2 else "dress-code"
        region = "upper_body" if layout == "viton-hd" else REGIONS[number % 3]
        pool = [p for p in pools[region] if layout == "dress-code" or p.category != "jacket"]
        if not pool:
            continue
        bag = bags.setdefault((layout, region), [])
        if not bag:
            bag += Rng(seed, "wardrobe", layout, region, number).shuffled(pool)
        people.append(_dressed_person(seed, number, layout, region, bag.pop(), pools))
    return tuple(people)


def _dressed_person(
    seed: int, number: int, layout: str, region: str, garment: Product, pools: dict[str, list[Product]]
) -> DressedPerson:
    rng = Rng(seed, "wearer", number)
    figure = {"women": "woman", "men": "man"}.get(garment.gender) or rng.pick(("woman", "man"))
    person = draw_person(rng, number, figure, "upper" if layout == "viton-hd" else "full")
    outfit = Outfit(order([garment, *_other_garments(rng, garment, figure, pools)]), garment.id)
    split = "test" if Rng(seed, "wearer split", number).chance(_TEST_SHARE) else "train"
    return DressedPerson(number, layout, region, split, person, garment.id, outfit)


def _other_garments(rng: Rng, garment: Product, figure: str, pools: dict[str, list[Product]]) -> list[Product]:
    """Draw what is worn with a garment."""
    if garment.category == "dress":
        return []
    gender = {"woman": "women", "man": "men"}[figure]
    top, bottom = basic_garments(figure)
    if garment.category in {"skirt", "trousers"}:
        tops = [
            p
            for p in pools["upper_body"]
            if p.category in {"shirt", "toptee"} and p.gender == gender and p.length != "long"
        ]
        return [rng.pick(tops) if tops and rng.chance(0.7) else top]
    bottoms = [p for p in pools["lower_body"] if CUTS[p.cut].gender in {gender, "unisex"}]
    lower = rng.pick(bottoms) if bottoms and rng.chance(0.7) else bottom
    return [lower, top] if garment.category == "jacket" else [lower]


def paired(
    people: Sequence[DressedPerson], layout: str, split: str, region: str | None = None
) -> list[tuple[int, int]]:
    """List (wearer, wearer of the garment) where everybody keeps their own garment.

    :param region: None takes every region of the layout.
    """
    return [(one.id, one.id) for one in _chosen(people, layout, split, region)]


def unpaired(
    seed: int, people: Sequence[DressedPerson], layout: str, split: str, region: str | None = None
) -> list[tuple[int, int]]:
    """List (wearer, wearer of the garment) where everybody gets somebody else's garment of their own region.

    Garments for women and men are not mixed, because the shop would not either. Everybody's garment is used once. A
    group of one has nobody to swap with and is left out.
    """
    groups: dict[tuple[str, str], list[DressedPerson]] = {}
    for one in _chosen(people, layout, split, region):
        groups.setdefault((one.region, one.person.figure), []).append(one)
    swapped = {}
    for key, group in sorted(groups.items()):
        if len(group) > 1:
            ring = Rng(seed, "unpaired", layout, split, *key).shuffled(group)
            swapped.update({one.id: other.id for one, other in zip(ring, [*ring[1:], ring[0]], strict=True)})
    return sorted(swapped.items())


def _chosen(people: Sequence[DressedPerson], layout: str, split: str, region: str | None) -> list[DressedPerson]:
    return [one for one in people if one.layout == layout and one.split == split and region in {None, one.region}]


def swapped_outfit(dressed_person: DressedPerson, garment: Product) -> Outfit:
    """Return the outfit of a wearer with another garment in the place of theirs: the truth of unpaired try-on."""
    others = [product for product in dressed_person.outfit.garments if product.id != dressed_person.garment]
    if garment.category == "jacket" and len(others) == 1:
        others.append(basic_garments(dressed_person.person.figure)[0])
    if garment.category != "jacket":
        others = [
            product
            for product in others
            if product.category not in {"shirt", "toptee"} or garment.category in {"skirt", "trousers"}
        ]
    return Outfit(order([garment, *others]), garment.id)
