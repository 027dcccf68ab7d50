"""Polyvore Outfits: outfits, fill-in-the-blank questions, outfits that go together or do not, and items in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json, write_lines
from fashionbench_atelier.world.captions import description, name
from fashionbench_atelier.world.outfits import CHOICES, compatible
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.outfits import Ensemble

FOLDER = "polyvore"
SPLITS = ("train", "valid", "test")
_DEAL = ("train", "test", "valid", "train", "test")
"""Outfits are dealt in turn; an item may be in outfits of several splits, as in the version ``nondisjoint``."""

SEMANTIC_CATEGORIES = {
    "dress": "all-body",
    "shirt": "tops",
    "toptee": "tops",
    "skirt": "bottoms",
    "trousers": "bottoms",
    "jacket": "outerwear",
}
"""Category of a product to the coarse category that Polyvore would give it."""


def item_id(identity: int) -> str:
    """Name a product as Polyvore does, by a nine-digit number."""
    return str(150_000_000 + identity)


def set_id(number: int) -> str:
    """Name an outfit as Polyvore does, by a nine-digit number."""
    return str(210_000_000 + number)


def outfits(source: LayoutSource, split: str) -> list[Ensemble]:
    """List the outfits of a split."""
    return [one for one in source.world.ensembles if _DEAL[one.id % len(_DEAL)] == split]


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List the first photo of each product that is in an outfit."""
    for identity in sorted({item for one in source.world.ensembles for item in one.items}):
        yield (identity, 0), f"{FOLDER}/images/{item_id(identity)}.jpg"


def write(source: LayoutSource, root: Path) -> None:
    """Write the outfits of each split, the two tests, and what the items are."""
    folder = root / FOLDER / "nondisjoint"
    for split in SPLITS:
        entries = [
            {
                "items": [{"item_id": item_id(item), "index": at} for at, item in enumerate(one.items, 1)],
                "set_id": set_id(one.id),
            }
            for one in outfits(source, split)
        ]
        write_json(folder / f"{split}.json", entries)
    tests = outfits(source, "test")
    questions = [question for one in tests if (question := _question(source, one, tests)) is not None]
    write_json(folder / "fill_in_blank_test.json", questions)
    lines = []
    for one in tests:
        lines.append(" ".join(["1", *[_name(one, at) for at in range(len(one.items))]]))
        mixed = _mixed(source, one, tests)
        if mixed:
            lines.append(" ".join(["0", *mixed]))
    write_lines(folder / "compatibility_test.txt", lines)
    used = sorted({item for one in source.world.ensembles for item in one.items})
    described = {item_id(item): metadata(source, source.world.products[item]) for item in used}
    write_json(root / FOLDER / "polyvore_item_metadata.json", described)


def metadata(source: LayoutSource, product: Product) -> dict[str, object]:
    """Describe a product as Polyvore describes an item; the fine category is its cut."""
    title = name(product)
    return {
        "url_name": title.lower(),
        "description": description(source.world.seed, product).text,
        "categories": [product.category, product.cut],
        "title": title,
        "related": [],
        "category_id": str(list(CUTS).index(product.cut) + 1),
        "semantic_category": SEMANTIC_CATEGORIES[product.category],
    }


def _name(one: Ensemble, at: int) -> str:
    return f"{set_id(one.id)}_{at + 1}"


def _slots(source: LayoutSource, one: Ensemble, tests: Sequence[Ensemble], at: int) -> list[tuple[Ensemble, int]]:
    """List the items of other test outfits that are of the same category; the files can name no others."""
    category = source.world.products[one.items[at]].category
    return [
        (other, place)
        for other in tests
        if other.id != one.id
        for place, item in enumerate(other.items)
        if source.world.products[item].category == category
    ]


def _question(source: LayoutSource, one: Ensemble, tests: Sequence[Ensemble]) -> dict[str, object] | None:
    """Blank an item out and offer it among three that do not go with the rest; None where there are no three."""
    products = source.world.products
    rng = Rng(source.world.seed, "blank", one.id)
    rest = [products[item] for at, item in enumerate(one.items) if at != one.blank]
    wrong: dict[int, str] = {}
    for other, at in rng.shuffled(_slots(source, one, tests, one.blank)):
        if not compatible([*rest, products[other.items[at]]]):
            wrong.setdefault(other.items[at], _name(other, at))
    if len(wrong) < CHOICES - 1:
        return None
    answers = [_name(one, one.blank), *list(wrong.values())[: CHOICES - 1]]
    return {
        "question": [_name(one, at) for at in range(len(one.items)) if at != one.blank],
        "blank_position": one.blank + 1,
        "answers": rng.shuffled(answers),
    }


def _mixed(source: LayoutSource, one: Ensemble, tests: Sequence[Ensemble]) -> list[str]:
    """Put together items of several outfits that do not go together; nothing where none was found in 50 tries."""
    products = source.world.products
    rng = Rng(source.world.seed, "mixed", one.id)
    slots = [_slots(source, one, tests, at) for at in range(len(one.items))]
    if not all(slots):
        return []
    for _ in range(50):
        chosen = [rng.pick(options) for options in slots]
        if not compatible([products[other.items[at]] for other, at in chosen]):
            return [_name(other, at) for other, at in chosen]
    return []
