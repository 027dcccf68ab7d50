"""LookBench (Gao et al., 2026, arXiv 2601.14706): photos that find products, in four sets with one pool of distractors.

Files are ``<snapshot>/<set>/query.parquet`` and ``gallery.parquet`` with embedded images. A snapshot is a dated folder
such as ``v20251201``; ``<snapshot>/noise/gallery.parquet`` holds the distractors that every gallery is extended with.
Paths of the sets and names of the columns are as the publisher's data card and notebooks have them: ``image``,
``category``, ``main_attribute``, ``other_attributes``, ``item_ID``, ``bbox``, ``task`` and ``difficulty``. The files
themselves were not seen. **Assumed**: that the noise lies at that path; that ``other_attributes`` is a list, a mapping,
or a text of values between commas; and that distractors have no relevance for any query, whatever their category.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.parquet_images import ParquetImage, read_columns, require_columns

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETS = ("real_studio_flat", "aigen_studio", "real_streetlook", "aigen_streetlook")
NOISE = "noise"
#: Sizes on which the publisher's page and an evaluation of the files agree: they differ in the other two sets.
EXPECTED = {"queries/real_studio_flat": 1011, "queries/aigen_streetlook": 160}


@dataclass(frozen=True, slots=True)
class Look:
    """A photo of a garment with its labels.

    :param id: the split and the number of its row, for ``item`` need not be unique.
    :param item: the publisher's ``item_ID``; empty where there is none.
    :param others: the values of ``other_attributes``.
    """

    id: str
    item: str
    category: str
    main: str
    others: frozenset[str]
    image: ParquetImage


class LookBench:
    """LookBench below a root folder that holds snapshots, or is one.

    :param snapshot: the folder of a snapshot; empty for the only one.
    :raises DataError: where it is not there, or there are several and none is named.
    """

    def __init__(self, root: Path | None, snapshot: str = "") -> None:
        if root is None:
            raise DataError("LookBench needs a root folder", remedy="pass --data lookbench=FOLDER")
        self.root = root
        there = sorted(path.name for path in root.glob("v*") if path.is_dir())
        if any((root / name).is_dir() for name in SETS):
            there = [root.name]
            self.folder = root
        else:
            self.folder = root / (snapshot or there[0] if len(there) == 1 or snapshot else "")
        self.snapshot = self.folder.name
        if self.snapshot not in there or (snapshot and self.snapshot != snapshot):
            found = f"it has {', '.join(there)}" if there else "it has none"
            wanted = f"the snapshot {snapshot}" if snapshot else "one snapshot"
            msg = f"{root} is no folder of LookBench with {wanted}; {found}"
            raise DataError(msg, remedy="fetch srpone/look-bench, and name the folder that holds v20251201")

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """The sets that are there."""
        return tuple(name for name in SETS if (self.folder / name).is_dir())

    def queries(self, name: str) -> list[Look]:
        """Return the queries of a set in the order of the file.

        :raises DataError: where the file is missing, lacks a column, or a row has no category.
        """
        return _looks(self.folder / name / "query.parquet", "query")

    def gallery(self, name: str) -> list[Look]:
        """Return the products of a set in the order of the file, without the distractors.

        :raises DataError: as :meth:`queries`.
        """
        return _looks(self.folder / name / "gallery.parquet", "gallery")

    def noise(self) -> list[ParquetImage]:
        """Return the distractors.

        :raises DataError: where the file is missing: without them a gallery is another, easier one.
        """
        path = self.folder / NOISE / "gallery.parquet"
        return [ParquetImage(f"{NOISE}/{at:06d}", path, at) for at in range(require_columns(path, ("image",)))]

    def images(self) -> Mapping[str, Path]:
        """Return nothing: the images lie in the Parquet files."""
        return {}

    def annotations(self) -> Mapping[str, Path]:
        """Return the Parquet files."""
        places = [f"{name}/{split}" for name in self.sets for split in ("query", "gallery")] + [f"{NOISE}/gallery"]
        paths = {place: self.folder / f"{place}.parquet" for place in places}
        return {place: path for place, path in paths.items() if path.is_file()}

    def counts(self) -> Mapping[str, int]:
        """Count queries and products."""
        counts = {f"queries/{name}": len(self.queries(name)) for name in self.sets}
        return counts | {f"gallery/{name}": len(self.gallery(name)) for name in self.sets}

    def extra(self) -> list[str]:
        """List files beside those that are read."""
        known = set(self.annotations().values())
        return sorted(p.relative_to(self.root).as_posix() for p in self.folder.rglob("*.parquet") if p not in known)


def _looks(path: Path, split: str) -> list[Look]:
    count = require_columns(path, ("image", "category", "main_attribute"))
    columns = read_columns(path, ("category", "main_attribute", "other_attributes", "item_ID"))
    items = columns.get("item_ID", [None] * count)
    others = columns.get("other_attributes", [None] * count)
    without = [str(at) for at, category in enumerate(columns["category"]) if not category]
    if without:
        msg = f"{path}: {len(without)} rows have no category: {first_names(without)}"
        raise DataError(msg, remedy="fetch the file again")
    return [
        Look(
            id=f"{split}/{at:06d}",
            item="" if items[at] is None else str(items[at]),
            category=str(columns["category"][at]),
            main=_text(columns["main_attribute"][at]),
            others=_values(others[at], path, at),
            image=ParquetImage(f"{split}/{at:06d}", path, at),
        )
        for at in range(count)
    ]


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _values(value: Any, path: Path, row: int) -> frozenset[str]:
    """Return attribute values, in whichever of the assumed forms they are written.

    :raises DataError: on another form.
    """
    if value is None:
        return frozenset()
    if isinstance(value, str):
        value = value.split(",")
    elif isinstance(value, dict):
        value = [f"{name}: {one}" for name, one in value.items() if one is not None]
    elif not isinstance(value, (list, tuple)):
        msg = f"{path}, row {row}: other_attributes is {type(value).__name__}"
        raise DataError(msg, remedy="it must be a list, a mapping, or a text of values between commas")
    return frozenset(text for one in value if (text := _text(one)))
