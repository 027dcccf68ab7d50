"""A user's own data: a folder with a manifest in CSV, Parquet or JSON Lines.

The columns say what it is: ``image``, ``text`` and optionally ``group`` for image-text pairs (rows of one group are
positives of each other; a COCO or Flickr export has one row a caption); ``reference``, ``text``, ``target`` for
composed queries; ``person``, ``garment`` for try-on. Images are paths relative to the folder. An optional column
``split`` keeps rows apart.
"""

from __future__ import annotations

import csv
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.readers import first_of, read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Kind = Literal["pairs", "triplets", "try-on"]

FILES = ("manifest.csv", "manifest.parquet", "manifest.jsonl")
_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "pairs": ("image", "text"),
    "triplets": ("reference", "text", "target"),
    "try-on": ("person", "garment"),
}
_IMAGES: dict[Kind, tuple[str, ...]] = {
    "pairs": ("image",),
    "triplets": ("reference", "target"),
    "try-on": ("person", "garment"),
}


class Manifest:
    """A folder with a manifest.

    :raises DataError: where there is no manifest, or its columns are of no kind.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("a manifest needs a root folder", remedy="pass --data manifest=FOLDER")
        self.root = root
        self.path = first_of(root, FILES, "manifest")

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        """Every row, with texts for all values.

        :raises DataError: naming the row that lacks a value.
        """
        loaded = _read(self.path)
        if not loaded:
            raise DataError(f"{self.path} has no rows", remedy="write one row a pair")
        needed = _COLUMNS[self.kind_of(loaded[0])]
        # A CSV file has its columns in row 1.
        for number, row in enumerate(loaded, 2 if self.path.suffix == ".csv" else 1):
            for name in needed:
                if name not in row or (row[name] == "" and name != "text"):
                    raise DataError(f"{self.path}, row {number} has no {name}", remedy="fill it in or drop the row")
        return loaded

    @property
    def kind(self) -> Kind:
        """What the columns say."""
        return self.kind_of(self.rows[0])

    def kind_of(self, row: Mapping[str, Any]) -> Kind:
        """Tell the kind by the columns of a row.

        :raises DataError: where they are of no kind.
        """
        order: tuple[Kind, ...] = ("triplets", "try-on", "pairs")
        for kind in order:
            if all(name in row for name in _COLUMNS[kind]):
                return kind
        wanted = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in _COLUMNS.items())
        raise DataError(f"{self.path} has the columns {', '.join(row)}", remedy=f"known kinds are {wanted}")

    def file(self, name: str) -> Path:
        """Return the path of an image.

        :raises DataError: where it leads out of the folder.
        """
        return inside(self.root, name)

    def images(self) -> Mapping[str, Path]:
        """Return every image of every row."""
        names = {row[column] for row in self.rows for column in _IMAGES[self.kind]}
        return {name: self.file(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the manifest."""
        return {"manifest": self.path}

    def counts(self) -> Mapping[str, int]:
        """Count rows and images, and groups where there are any."""
        counts = {"rows": len(self.rows), "images": len(self.images())}
        groups = {row["group"] for row in self.rows if row.get("group")}
        return counts | ({"groups": len(groups)} if groups else {})

    def extra(self) -> list[str]:
        """List image files beside the known ones that no row names."""
        known = set(self.images().values())
        folders = {path.parent for path in known if path.parent.is_dir()}
        suffixes = {path.suffix for path in known}
        files = [path for folder in folders for path in folder.iterdir() if path.suffix in suffixes]
        return sorted(str(path.relative_to(self.root)) for path in files if path not in known)


def _read(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".jsonl":
        return [{k: "" if v is None else str(v) for k, v in row.items()} for row in read_lines(path, {})]
    if path.suffix == ".parquet":
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            rows = pq.read_table(path).to_pylist()
        except pa.ArrowInvalid as error:
            raise DataError(f"{path} is no Parquet file: {error}", remedy="write it again") from error
        return [{k: "" if v is None else str(v) for k, v in row.items()} for row in rows]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is no CSV in UTF-8: {error}", remedy="save it as UTF-8") from error
    for number, row in enumerate(rows, 2):
        if None in row:
            raise DataError(f"{path}, row {number} has more values than columns", remedy="quote values with a comma")
    return [{name: value or "" for name, value in row.items()} for row in rows]
