"""An empty manifest for a user to fill in."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from fashionbench.data.packed_files import CONTAINERS
from fashionbench.errors import ConfigError, DataError, did_you_mean
from fashionbench.files import write_text
from fashionbench.output_files import check_folder
from fashionbench_tasks.datasets.image_folder import EXTENSIONS
from fashionbench_tasks.datasets.manifest import FILES
from fashionbench_tasks.own_data.packed_images import packed_images

if TYPE_CHECKING:
    from pathlib import Path

#: The columns of each kind, and a row as an example.
_EXAMPLES: dict[str, dict[str, str]] = {
    "pairs": {
        "image": "photos/0001.jpg",
        "text": "a red dress with long sleeves",
        "group": "product-1",
        "split": "test",
    },
    "images": {"image": "photos/0001.jpg", "group": "product-1", "role": "query", "split": "test"},
    "triplets": {
        "reference": "photos/0001.jpg",
        "text": "the same in blue",
        "target": "photos/0002.jpg",
        "split": "test",
    },
    "try-on": {
        "person": "persons/0001.jpg",
        "garment": "garments/0001.jpg",
        "target": "persons/0001.jpg",
        "mask": "masks/0001.png",
        "split": "test",
    },
    "design": {
        "person": "persons/0001.jpg",
        "text": "a red dress with long sleeves",
        "sketch": "sketches/0001.png",
        "target": "persons/0001.jpg",
        "mask": "masks/0001.png",
        "split": "test",
    },
}
_ROLES = {"images": "candidate"}


def write_template(kind: str, out: Path, images: Path | None) -> Path:
    """Write ``manifest.csv`` with a row for each image of a folder, or with one row as an example.

    :param kind: ``pairs``, ``images``, ``triplets``, ``try-on`` or ``design``.
    :param images: a folder in ``out``, or ``out`` itself.
    :raises ConfigError: where the kind is unknown.
    :raises DataError: where a manifest is there already, or the folder lies elsewhere or holds no images.
    """
    if kind not in _EXAMPLES:
        msg = f"there is no manifest of the kind {kind!r}{did_you_mean(kind, _EXAMPLES)}"
        raise ConfigError(msg, remedy=f"kinds are {', '.join(_EXAMPLES)}")
    there = [name for name in FILES if (out / name).exists()]
    if there:
        raise DataError(f"{out / there[0]} is there already", remedy="give another --out, or move it away")
    rows = [_EXAMPLES[kind]] if images is None else _rows(kind, out, images)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(_EXAMPLES[kind]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    check_folder(out)
    write_text(out / FILES[0], text.getvalue())
    return out / FILES[0]


def _rows(kind: str, out: Path, images: Path) -> list[dict[str, str]]:
    """Make a row for each image: in the first column its path, in ``split`` test, in the others nothing.

    Images that lie in tar shards or Parquet files have a row each too, with the text that stands beside them there.
    """
    root = out.resolve()
    found = [(path, "") for path in images.rglob("*") if path.suffix.lower() in EXTENSIONS]
    found += [pair for path in images.rglob("*") if path.suffix in CONTAINERS for pair in packed_images(path)]
    found = sorted((path.resolve(), text) for path, text in found)
    if not found:
        known = ", ".join((*sorted(EXTENSIONS), *CONTAINERS))
        raise DataError(f"{images} holds no image", remedy=f"known endings are {known}")
    if not found[0][0].is_relative_to(root):
        raise DataError(f"{images} lies outside {out}", remedy="a manifest stands beside its images: copy or link them")
    first = next(iter(_EXAMPLES[kind]))
    empty = dict.fromkeys(_EXAMPLES[kind], "")
    role = {"role": _ROLES[kind]} if kind in _ROLES else {}
    rows = [(path.relative_to(root).as_posix(), text) for path, text in found]
    return [
        {**empty, first: name, "split": "test", **role, **({"text": text} if text and "text" in empty else {})}
        for name, text in rows
    ]
