"""Fashion200K: label files, and every photo of women's garments below ``women``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_lines
from fashionbench_atelier.world.captions import short_title
from fashionbench_atelier.world.rng import Dice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import Shot, Stock
    from fashionbench_atelier.world.garment import Product

FOLDER = "fashion200k"
CATEGORIES = {"dress": "dress", "jacket": "jacket", "trousers": "pants", "skirt": "skirt", "toptee": "top"}
"""Atelier's category to Fashion200K's; shirts are menswear and not in it."""

SPLITS = {"train": ("train",), "test": ("val", "test")}
"""Fashion200K has two splits; its test split holds Atelier's val and test."""

_PLURAL = {"dress": "dresses", "jacket": "jackets", "pants": "pants", "skirt": "skirts", "top": "tops"}


def title(stock: Stock, product: Product) -> str:
    """Return the description of a product."""
    return short_title(stock.world.seed, product).text


def garments(stock: Stock, split: str) -> list[Product]:
    """List the products of a split, by id."""
    return [product for product in stock.products(*SPLITS[split]) if product.category in CATEGORIES]


def place(stock: Stock, product: Product, index: int) -> str:
    """Return the path of a photo below the root of Fashion200K."""
    folder = _PLURAL[CATEGORIES[product.category]]
    number = 50_000_000 + product.id
    return f"women/{folder}/{title(stock, product).replace(' ', '_')}/{number}/{number}_{index}.jpeg"


def photos(stock: Stock) -> Iterator[tuple[Shot, str]]:
    """List every photo."""
    for split in SPLITS:
        for product in garments(stock, split):
            for identity, index in stock.shots(product):
                yield (identity, index), f"{FOLDER}/{place(stock, product, index)}"


def write(stock: Stock, root: Path) -> None:
    """Write the label files; the score stands for the detector's, which nothing here depends on."""
    for split in SPLITS:
        shelf = garments(stock, split)
        for category, label in CATEGORIES.items():
            lines = [
                f"{place(stock, product, index)}\t{_score(stock, identity, index):.6f}\t{title(stock, product)}"
                for product in shelf
                if product.category == category
                for identity, index in stock.shots(product)
            ]
            write_lines(root / FOLDER / "labels" / f"{label}_{split}_detect_all.txt", lines)


def _score(stock: Stock, identity: int, index: int) -> float:
    return Dice(stock.world.seed, "detector", identity, index).between(0.6, 1.0)
