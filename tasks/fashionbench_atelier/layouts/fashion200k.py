"""Fashion200K: label files, and every photo of women's garments below ``women``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_lines
from fashionbench_atelier.world.captions import short_title
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product

FOLDER = "fashion200k"
CATEGORIES = {"dress": "dress", "jacket": "jacket", "trousers": "pants", "skirt": "skirt", "toptee": "top"}
"""Atelier's category to Fashion200K's; shirts are menswear and not in it."""

SPLITS = {"train": ("train",), "test": ("val", "test")}
"""Fashion200K has two splits; its test split holds Atelier's val and test."""

_PLURAL = {"dress": "dresses", "jacket": "jackets", "pants": "pants", "skirt": "skirts", "top": "tops"}


def title(source: LayoutSource, product: Product) -> str:
    """Return the description of a product."""
    return short_title(source.world.seed, product).text


def garments(source: LayoutSource, split: str) -> list[Product]:
    """List the products of a split, by id."""
    return [product for product in source.products(*SPLITS[split]) if product.category in CATEGORIES]


def place(source: LayoutSource, product: Product, index: int) -> str:
    """Return the path of a photo below the root of Fashion200K."""
    folder = _PLURAL[CATEGORIES[product.category]]
    number = 50_000_000 + product.id
    return f"women/{folder}/{title(source, product).replace(' ', '_')}/{number}/{number}_{index}.jpeg"


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List every photo."""
    for split in SPLITS:
        for product in garments(source, split):
            for identity, index in source.photo_keys(product):
                yield (identity, index), f"{FOLDER}/{place(source, product, index)}"


def write(source: LayoutSource, root: Path) -> None:
    """Write the label files; the score stands for the detector's, which nothing here depends on."""
    for split in SPLITS:
        pool = garments(source, split)
        for category, label in CATEGORIES.items():
            lines = [
                f"{place(source, product, index)}\t{_score(source, identity, index):.6f}\t{title(source, product)}"
                for product in pool
                if product.category == category
                for identity, index in source.photo_keys(product)
            ]
            write_lines(root / FOLDER / "labels" / f"{label}_{split}_detect_all.txt", lines)


def _score(source: LayoutSource, identity: int, index: int) -> float:
    return Rng(source.world.seed, "detector", identity, index).between(0.6, 1.0)
