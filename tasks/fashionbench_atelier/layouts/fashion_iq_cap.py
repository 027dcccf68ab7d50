"""Fashion-IQ-Cap: one caption an image, written from the garment alone, so that no query's words are in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts import fashion_iq
from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.layouts.fashion_iq import asin
from fashionbench_atelier.world.captions import description
from fashionbench_atelier.world.world import TRIPLET_CATEGORIES

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource

FOLDER = fashion_iq.FOLDER
SPLITS = ("train", "val")


def write(source: LayoutSource, root: Path) -> None:
    """Write the captions beside Fashion-IQ, whose images they are of."""
    for split in SPLITS:
        for category in TRIPLET_CATEGORIES:
            entries = [
                {
                    "image": f"{asin(product.id)}.jpg",
                    "caption": description(source.world.seed, product).text.lower(),
                    "text_guidance": "",
                }
                for product in source.products(split)
                if product.category == category
            ]
            write_json(root / FOLDER / "Fashion-IQ-Cap" / f"next_llava.{split}.{category}.caption.json", entries)
