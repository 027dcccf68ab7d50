"""A small manifest of persons and garments, as Parquet; its images are those of VITON-HD."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.layouts import viton_hd
from fashionbench_atelier.layouts.image_files import link

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench_atelier.layouts.source import Job, LayoutSource

FOLDER = "manifest-try-on"
_PEOPLE = 20


def person_jobs(_: LayoutSource, __: Path) -> Iterator[Job]:
    """List nothing: the images are there."""
    return iter(())


def write(source: LayoutSource, root: Path) -> None:
    """Write one row a person of each split, in their own garment."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    rows = []
    for split in ("train", "test"):
        for one in viton_hd.listed_people_of(source, split)[: _PEOPLE // 2]:
            name = viton_hd.stem(one.dressed_person.id)
            for kind, folder in (("person", "image"), ("garment", "cloth")):
                link(root / viton_hd.FOLDER / split / folder / f"{name}.jpg", root / FOLDER / kind / f"{name}.jpg")
            rows.append({"person": f"person/{name}.jpg", "garment": f"garment/{name}.jpg", "split": split})
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    schema = pa.schema([("person", pa.string()), ("garment", pa.string()), ("split", pa.string())])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), root / FOLDER / "manifest.parquet")
