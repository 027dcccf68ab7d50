"""CIRR: queries whose reference and target lie in a set of six similar images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.world.relative_captions import annotate, differences
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fashionbench_atelier.layouts.comparisons import Comparison
    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product

FOLDER = "cirr"
SPLITS = {"train": "train", "val": "val", "test1": "test"}
"""CIRR's name of a split to Atelier's."""

_MEMBERS = 6
_PREFIX = {"train": "train", "val": "dev", "test": "test1"}


def image_name(identity: int, split: str) -> str:
    """Name the image of a product as NLVR2 does; ``split`` is Atelier's name."""
    return f"{_PREFIX[split]}-{identity}-0-img0"


def image_place(identity: int, split: str) -> str:
    """Return the path of the image of a product below the root of CIRR."""
    folder = f"train/{identity % 100}" if split == "train" else _PREFIX[split]
    return f"{folder}/{image_name(identity, split)}.png"


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List the first photo of each product."""
    for product in source.world.products:
        yield (product.id, 0), f"{FOLDER}/{image_place(product.id, source.splits[product.id])}"


def members(reference: Product, pool: Sequence[Product]) -> list[Product]:
    """Select the six most similar products: the reference, and those that differ from it in the fewest attributes.

    Products of another category come last.
    """
    ranked = sorted(
        pool,
        key=lambda one: (
            one.id != reference.id,
            one.category != reference.category,
            len(differences(reference, one)),
            one.id,
        ),
    )
    return ranked[:_MEMBERS]


def write(source: LayoutSource, root: Path) -> None:
    """Write captions and splits; ``test1`` has no targets, as in the published files."""
    folder = root / FOLDER
    pair = 0
    for name, split in SPLITS.items():
        pool = source.products(split)
        records = []
        for one in source.comparisons:
            if source.splits[one.target] != split:
                continue
            subset = members(source.world.products[one.reference], pool)
            if len(subset) == _MEMBERS and any(member.id == one.target for member in subset):
                records.append(_record(source, one, subset, pair, split))
                pair += 1
        write_json(folder / "captions" / f"cap.rc2.{name}.json", records)
        places = {image_name(product.id, split): f"./{image_place(product.id, split)}" for product in pool}
        write_json(folder / "image_splits" / f"split.rc2.{name}.json", places)


def _record(
    source: LayoutSource, one: Comparison, subset: Sequence[Product], pair: int, split: str
) -> dict[str, object]:
    """Write one query; a member that has all that the caption names is half right, as CIRR's soft targets have it."""
    seed, products = source.world.seed, source.world.products
    rng = Rng(seed, "cirr", one.reference, one.target)
    caption = next(
        caption for caption in reversed(annotate(rng, products[one.reference], products[one.target])) if caption.text
    )
    order = [product.id for product in rng.shuffled(subset)]
    img_set: dict[str, object] = {
        "id": one.reference,
        "members": [image_name(identity, split) for identity in order],
        "reference_rank": order.index(one.reference),
    }
    record: dict[str, object] = {"pairid": pair, "reference": image_name(one.reference, split)}
    if split != "test":
        img_set["target_rank"] = order.index(one.target)
        soft = {image_name(one.target, split): 1.0, image_name(one.reference, split): -1.0}
        for product in subset:
            wanted = [getattr(products[one.target], name) for name in caption.attributes]
            if caption.attributes and [getattr(product, name) for name in caption.attributes] == wanted:
                soft.setdefault(image_name(product.id, split), 0.5)
        record |= {"target_hard": image_name(one.target, split), "target_soft": soft}
    return record | {"caption": caption.text, "img_set": img_set}
