"""HP-FashionIQ: lists of which one holds the wanted product; the others hold products of the same category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts import fashion_iq
from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.layouts.fashion_iq import asin
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import Job, LayoutSource

FOLDER = fashion_iq.FOLDER
PERSONS, SHOWN = 6, 2


def person_jobs(_: LayoutSource, __: Path) -> Iterator[Job]:
    """List nothing: the images are there."""
    return iter(())


def write(source: LayoutSource, root: Path) -> None:
    """Write the choices of a few persons beside Fashion-IQ; each prefers the list with the wanted product."""
    world = source.world
    persons: dict[str, dict[str, dict[str, list[object]]]] = {}
    asked = [one for one in world.triplets if one.split in {"val", "test"}]
    for number, one in enumerate(asked):
        pool = [
            product.id
            for product in source.products("val", "test")
            if product.category == one.category and product.id not in {one.reference, one.target}
        ]
        others = Rng(world.seed, "preference", number).shuffled(pool)[: 2 * SHOWN - 1]
        if len(others) < 2 * SHOWN - 1:
            continue
        lists = [[one.target, *others[: SHOWN - 1]], others[SHOWN - 1 :]]
        second = number % 2 == 1
        first, other = reversed(lists) if second else lists
        questions = persons.setdefault(f"user{number % PERSONS}", {}).setdefault("set0", {})
        for key, value in {
            "ref_img_paths": _path(one.category, one.reference),
            "targ_img_paths": _path(one.category, one.target),
            "sentences": " and ".join(caption.text for caption in one.captions if caption.text),
            "retrieved_set1": {"img_path": [_path(one.category, identity) for identity in first]},
            "retrieved_set2": {"img_path": [_path(one.category, identity) for identity in other]},
            "preferred set": "2" if second else "1",
        }.items():
            questions.setdefault(key, []).append(value)
    write_json(root / FOLDER / "hpfiq.json", persons)


def _path(category: str, identity: int) -> str:
    return f"/-/image_data/{category}/{asin(identity)}.jpg"
