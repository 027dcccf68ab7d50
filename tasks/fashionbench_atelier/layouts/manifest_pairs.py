"""A small manifest of image-text pairs, as CSV; photos of one product are one group."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_lines
from fashionbench_atelier.world.captions import description

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product

FOLDER = "manifest-pairs"
_PRODUCTS = 60


def chosen(source: LayoutSource) -> list[Product]:
    """Select the first products of train and val, as many of each."""
    half = _PRODUCTS // 2
    return sorted([*source.products("train")[:half], *source.products("val")[:half]], key=lambda product: product.id)


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List every photo of these products."""
    for product in chosen(source):
        for identity, index in source.photo_keys(product):
            yield (identity, index), f"{FOLDER}/images/{identity}_{index}.jpg"


def write(source: LayoutSource, root: Path) -> None:
    """Write one row a photo."""
    lines = io.StringIO()
    rows = csv.writer(lines, lineterminator="\n")
    rows.writerow(["image", "text", "group", "split"])
    for product in chosen(source):
        text = description(source.world.seed, product).text
        for identity, index in source.photo_keys(product):
            rows.writerow([f"images/{identity}_{index}.jpg", text, identity, source.splits[identity]])
    write_lines(root / FOLDER / "manifest.csv", lines.getvalue().splitlines())
