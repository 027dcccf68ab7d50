"""OpenVTON: Parquet files of triplets, a garment, its mask in the photo of the wearer, and that photo.

The people are those of Dress Code, so that there are three kinds of garments and more categories.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.layouts import dress_code
from fashionbench_atelier.layouts.image_files import grey
from fashionbench_atelier.world.captions import short_title

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fashionbench_atelier.layouts.source import Job, LayoutSource
    from fashionbench_atelier.world.dressed_people import DressedPerson

FOLDER = "openvton"
#: Persons of a split at most, for their images lie on the disk a second time.
_MOST = 24


def person_jobs(_: LayoutSource, __: Path) -> Iterator[Job]:
    """List nothing: the images are there."""
    return iter(())


def chosen(source: LayoutSource) -> dict[str, list[DressedPerson]]:
    """Assign people to splits, from every category in turn; each fifth of those for training is for validation."""
    people: dict[str, list[DressedPerson]] = {}
    for split in ("train", "test"):
        lists = [dress_code.listed_people_of(source, category, split) for category in dress_code.CATEGORIES]
        longest = max(map(len, lists))
        turns = [one.dressed_person for at in range(longest) for listed in lists for one in listed[at : at + 1]]
        people[split] = turns[:_MOST]
    train = people["train"]
    kept = [one for at, one in enumerate(train) if at % 5 < 4]
    return {"train": kept, "validation": train[4::5], "test": people["test"]}


def write(source: LayoutSource, root: Path) -> None:
    """Write one Parquet file a split."""
    for split, people in chosen(source).items():
        _write(root / FOLDER / split / f"{split}-00000-of-00001.parquet", [_row(source, root, one) for one in people])


def _row(source: LayoutSource, root: Path, one: DressedPerson) -> dict[str, object]:
    folder, stem = root / dress_code.FOLDER / one.region, dress_code.stem(one.id)
    product = source.world.products[one.garment]
    with Image.open(folder / "label_maps" / f"{stem}_4.png") as parsed:
        mask = np.asarray(parsed) == labels.DRESS_CODE[labels.GARMENT[product.category]]
    content = io.BytesIO()
    grey(mask).save(content, "PNG")
    photos = {"source": folder / "images" / f"{stem}_1.jpg", "target": folder / "images" / f"{stem}_0.jpg"}
    images = {kind: {"bytes": path.read_bytes(), "path": path.name} for kind, path in photos.items()}
    return images | {
        "mask": {"bytes": content.getvalue(), "path": f"{stem}.png"},
        "caption": f"A person is wearing this: {short_title(source.world.seed, product).text}.",
        "category": product.category,
    }


def _write(path: Path, rows: Sequence[dict[str, object]]) -> None:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([(name, image) for name in ("source", "mask", "target")])
    schema = schema.append(pa.field("caption", pa.string())).append(pa.field("category", pa.string()))
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path)
