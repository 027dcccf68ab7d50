"""OACIRR's domain of fashion: another photo of a product, asked for by the first, a box in it and how it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.annotation_files import write_json
from fashionbench_atelier.rendering.photos import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoKey
    from fashionbench_atelier.rendering.photos import Photo
    from fashionbench_atelier.world.garment import Product

FOLDER = "oacirr"
_DOMAIN = "OACIRR-Subset/OACIRR-Fashion"
_TEXTS = {
    "front": "laid out, seen from the front",
    "worn": "worn by a person",
    "back": "laid out, seen from the back",
    "detail": "a close view of its front",
}
"""The words for each kind of photo."""


def name(key: PhotoKey) -> str:
    """Name a photo."""
    return f"{key[0]:05d}_{key[1]}"


def place(key: PhotoKey) -> str:
    """Return the path of a photo below the domain; its folder is the instance."""
    return f"val/{key[0]:05d}/{name(key)}.jpg"


def garments(source: LayoutSource) -> list[Product]:
    """List the products: those of several photos are asked for, and the others are distractors."""
    return source.products("val", "test")


def photos(source: LayoutSource) -> Iterator[tuple[PhotoKey, str]]:
    """List every photo of these products."""
    for product in garments(source):
        for key in source.photo_keys(product):
            yield key, f"{FOLDER}/{_DOMAIN}/{place(key)}"


def box(photo: Photo) -> list[int]:
    """Return the square that a garment has in a photo, by its zoom and shift, as left, top, right and bottom."""
    sides = [0.5 + at - photo.zoom / 2 for at in photo.shift] + [0.5 + at + photo.zoom / 2 for at in photo.shift]
    return [min(max(round(SIDE * side), 0), SIDE) for side in sides]


def write(source: LayoutSource, root: Path) -> None:
    """Write quadruples, the split and the boxes."""
    places: dict[str, str] = {}
    boxes: dict[str, list[int]] = {}
    queries: list[dict[str, object]] = []
    for product in garments(source):
        shots = source.world.photos(product.id)
        for photo in shots:
            key = (product.id, photo.index)
            places[name(key)], boxes[name(key)] = place(key), box(photo)
        first = name((product.id, 0))
        queries += [
            {
                "reference": first,
                "target": name((product.id, photo.index)),
                "modification_text_mllm": _TEXTS[photo.kind],
                "object_category": product.category,
                "reference_bounding_box": boxes[first],
            }
            for photo in shots[1:]
        ]
    folder = root / FOLDER / _DOMAIN / "oacirr-fashion"
    write_json(folder / "quadruple_captions" / "caption_full.val.json", queries)
    write_json(folder / "image_splits" / "split.val.json", places)
    write_json(folder / "image_bounding_box" / "bounding_box.val.json", boxes)
