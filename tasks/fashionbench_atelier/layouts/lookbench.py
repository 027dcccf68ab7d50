"""LookBench: a dated snapshot of Parquet files with embedded images; a second photo of a product finds the first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts import fashion200k
from fashionbench_atelier.rendering.photos import SIDE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from fashionbench_atelier.layouts.source import Job, LayoutSource, PhotoKey
    from fashionbench_atelier.world.garment import Product

FOLDER = "lookbench"
SNAPSHOT = "v20251201"
SETS = {
    "real_studio_flat": "easy",
    "aigen_studio": "medium",
    "real_streetlook": "hard",
    "aigen_streetlook": "hard",
}
"""The sets with their difficulty; here they differ in their products alone."""

_NOISE = "noise"
_MOST = 16
_OTHERS = ("pattern", "fabric", "sleeve", "neckline", "length", "fit")


def person_jobs(_: LayoutSource, __: Path) -> Iterator[Job]:
    """List nothing: the images are there."""
    return iter(())


def chosen(source: LayoutSource) -> dict[str, list[Product]]:
    """Assign products of several photos to the sets, as many to each, and those of one photo to the noise."""
    pool = [product for split in fashion200k.SPLITS for product in fashion200k.garments(source, split)]
    several = [product for product in pool if len(source.photo_keys(product)) > 1]
    size = min(_MOST, len(several) // len(SETS))
    sets = {name: several[at * size : (at + 1) * size] for at, name in enumerate(SETS)}
    return sets | {_NOISE: [product for product in pool if len(source.photo_keys(product)) == 1][:_MOST]}


def write(source: LayoutSource, root: Path) -> None:
    """Write queries and galleries; the noise is a gallery alone."""
    for name, products in chosen(source).items():
        keys = {"query": [source.photo_keys(product)[1] for product in products]} if name != _NOISE else {}
        for split, photos in {**keys, "gallery": [source.photo_keys(product)[0] for product in products]}.items():
            rows = [_row(source, root, product, key, name) for product, key in zip(products, photos, strict=True)]
            _write(root / FOLDER / SNAPSHOT / name / f"{split}.parquet", rows)


def _row(source: LayoutSource, root: Path, product: Product, key: PhotoKey, name: str) -> dict[str, object]:
    place = root / fashion200k.FOLDER / fashion200k.place(source, product, key[1])
    return {
        "image": {"bytes": place.read_bytes(), "path": place.name},
        "category": product.category,
        "main_attribute": product.colour,
        "other_attributes": [f"{one}: {getattr(product, one)}" for one in _OTHERS],
        "bbox": [0, 0, SIDE, SIDE],
        "item_ID": str(product.id),
        "task": "single",
        "difficulty": SETS.get(name, ""),
    }


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema(
        [
            ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            *_strings(("category", "main_attribute")),
            ("other_attributes", pa.list_(pa.string())),
            ("bbox", pa.list_(pa.int64())),
            *_strings(("item_ID", "task", "difficulty")),
        ]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)


def _strings(names: Iterable[str]) -> list[tuple[str, object]]:
    import pyarrow as pa  # noqa: PLC0415

    return [(name, pa.string()) for name in names]
