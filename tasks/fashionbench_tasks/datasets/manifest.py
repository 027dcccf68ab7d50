"""A user's own data: a folder with a manifest in CSV, Parquet or JSON Lines.

The columns say what it is:

- ``image``, ``text`` and optionally ``group``: image-text pairs. Images and texts of one group are positives of each
  other, and without a group those of one image; a COCO or Flickr export has one row a caption.
- ``image``, ``group`` and optionally ``role`` (query or candidate): photos to be found by photos of the same group.
- ``reference``, ``text``, ``target`` and optionally ``query``, a name of the query: composed queries.
- ``person``, ``garment`` and optionally ``target``, ``mask``: try-on.
- ``person``, ``text`` and optionally ``sketch``, ``target``, ``mask``: design.

Images are paths relative to the folder, which may lead into a tar shard or a Parquet file; one that is not there is
looked for in another Unicode form, case or extension. A manifest in Parquet may hold its images itself.
An optional column ``split`` keeps train, val and test apart; a column ``slice:brand`` reports results by its values.
A file ``qrels.csv`` beside the manifest grades what answers a query.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.listed_images import ListedImages
from fashionbench_tasks.datasets.manifest_rows import IMAGES, check_column_names, read_rows
from fashionbench_tasks.datasets.qrels import Qrels, qrels_file
from fashionbench_tasks.datasets.readers import first_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Kind = Literal["pairs", "images", "triplets", "try-on", "design"]

FILES = ("manifest.csv", "manifest.parquet", "manifest.jsonl")
_COLUMNS: dict[Kind, tuple[str, ...]] = {
    "pairs": ("image", "text"),
    "images": ("image", "group"),
    "triplets": ("reference", "text", "target"),
    "try-on": ("person", "garment"),
    "design": ("person", "text"),
}
#: Columns that a kind may have beside its own.
_OPTIONAL: dict[Kind, tuple[str, ...]] = {
    "pairs": ("group",),
    "images": ("role",),
    "triplets": ("query",),
    "try-on": ("target", "mask"),
    "design": ("sketch", "target", "mask"),
}
#: The tasks that measure a kind.
TASKS: dict[Kind, str] = {
    "pairs": "manifest/pairs, manifest/image-to-text, manifest/text-to-image or manifest/captioning",
    "images": "manifest/image-to-image",
    "triplets": "manifest/composed",
    "try-on": "manifest/try-on or manifest/try-on-unpaired",
    "design": "manifest/design",
}

SPLITS = ("train", "val", "test")
SLICE = "slice:"
ROLES = ("query", "candidate")
KNOWN = frozenset({"split", *(name for known in (_COLUMNS, _OPTIONAL) for names in known.values() for name in names)})


def needed_columns(kind: Kind) -> tuple[str, ...]:
    """Return the columns that every row of a kind fills in."""
    return _COLUMNS[kind]


def image_columns(kind: Kind) -> tuple[str, ...]:
    """Return the columns of a kind that name images."""
    return tuple(name for name in (*_COLUMNS[kind], *_OPTIONAL[kind]) if name in IMAGES)


class Manifest:
    """A folder with a manifest.

    :raises DataError: where there is no manifest, there are two, or the columns are of no kind.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("a manifest needs a root folder", remedy="pass --data manifest=FOLDER")
        self.root = root
        self.path = first_of(root, FILES, "manifest")
        there = sorted(one.name for one in root.iterdir() if one.name.lower() in FILES)
        if len(there) > 1:
            raise DataError(f"{root} holds {' and '.join(there)}", remedy="keep the one that counts")

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        """Every row, with texts for all values; a null, and a number that is none, is an empty one.

        :raises DataError: naming the row that lacks a value, or the values of ``split`` that are none.
        """
        return [row for _, row in self._numbered]

    @cached_property
    def _numbered(self) -> list[tuple[int, dict[str, str]]]:
        """Every row with its number in the file."""
        numbered = read_rows(self.path)
        if not numbered:
            raise DataError(f"{self.path} has no rows", remedy="write one row a pair")
        check_column_names(self.path, dict.fromkeys(name for _, row in numbered for name in row), KNOWN, SLICE)
        needed = _COLUMNS[self.kind_of(numbered[0][1])]
        for number, row in numbered:
            for name in needed:
                if name not in row or (row[name] == "" and (name != "text" or self.kind_of(row) == "design")):
                    raise DataError(f"{self.path}, row {number} has no {name}", remedy="fill it in or drop the row")
        rows = [row for _, row in numbered]
        if any("split" in row for row in rows):
            self._check_values(rows, "split", SPLITS)
        if self.kind_of(rows[0]) == "images" and any("role" in row for row in rows):
            self._check_values(rows, "role", ROLES)
        for name in dict.fromkeys(name for row in rows for name in row):
            if name == "group" or name.startswith(SLICE):
                self._check_blanks(numbered, name)
        return numbered

    def row_number(self, row: Mapping[str, str]) -> int:
        """Return the number in the file of one of :attr:`rows`."""
        return self._numbers[id(row)]

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {id(row): number for number, row in self._numbered}

    def _check_blanks(self, numbered: list[tuple[int, dict[str, str]]], column: str) -> None:
        """Refuse two names of one column that a reader cannot tell apart.

        :raises DataError: naming both rows.
        """
        seen: dict[str, tuple[int, str]] = {}
        for number, row in numbered:
            value = row.get(column, "")
            plain = " ".join(unicodedata.normalize("NFC", value).split())
            if value and not plain:
                msg = f"{self.path}, row {number}: {column} holds blanks alone"
                raise DataError(msg, remedy="fill it in, or leave it empty")
            first, other = seen.setdefault(plain, (number, value))
            if other != value:
                msg = f"{self.path}: {column} is {other!a} in row {first} and {value!a} in row {number}"
                what = "differ in blanks or in their Unicode form alone, and would be two"
                raise DataError(f"{msg}, which {what}", remedy="write both alike")

    def _check_values(self, rows: list[dict[str, str]], column: str, known: tuple[str, ...]) -> None:
        counts = Counter(row.get(column, "") for row in rows)
        unknown = {value: count for value, count in sorted(counts.items()) if value not in known}
        if unknown:
            said = ", ".join(f"{value!r} in {count} rows" for value, count in unknown.items())
            raise DataError(f"{self.path}: {column} is {said}", remedy=f"write {', '.join(known)}, or drop the column")

    @cached_property
    def measured(self) -> tuple[str, list[dict[str, str]]]:
        """The split that is measured, and its rows: test, or val where there is no test, or all without a split.

        :raises DataError: where there are only rows to learn from.
        """
        if "split" not in self.rows[0]:
            return "all", self.rows
        for split in ("test", "val"):
            rows = [row for row in self.rows if row["split"] == split]
            if rows:
                return split, rows
        raise DataError(f"{self.path} has only rows to train on", remedy="write test or val in the column split")

    def require(self, kind: Kind, task: str) -> None:
        """Refuse a manifest of another kind than a task asks for.

        :raises DataError: naming what the manifest holds.
        """
        if self.kind != kind:
            held, asked = ", ".join(_COLUMNS[self.kind]), ", ".join(_COLUMNS[kind])
            msg = f"{self.path} holds {self.kind} ({held}), and {task} asks for {kind} ({asked})"
            raise DataError(msg, remedy=f"run {TASKS[self.kind]}")

    @cached_property
    def slices(self) -> dict[str, str]:
        """Columns that results are reported by, such as ``slice:brand``, and what follows the colon."""
        columns = sorted({name for row in self.rows for name in row})
        return {name: name.removeprefix(SLICE) for name in columns if name.startswith(SLICE)}

    @property
    def others(self) -> list[str]:
        """Columns that no task knows."""
        read = {"split", *_COLUMNS[self.kind], *_OPTIONAL[self.kind], *self.slices}
        return sorted({name for row in self.rows for name in row} - read)

    @property
    def kind(self) -> Kind:
        """What the columns say."""
        return self.kind_of(self.rows[0])

    def kind_of(self, row: Mapping[str, Any]) -> Kind:
        """Tell the kind by the columns of a row.

        :raises DataError: where they are of no kind.
        """
        order: tuple[Kind, ...] = ("triplets", "try-on", "design", "pairs", "images")
        for kind in order:
            if all(name in row for name in _COLUMNS[kind]):
                return kind
        check_column_names(self.path, row, KNOWN, SLICE)
        wanted = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in _COLUMNS.items())
        raise DataError(f"{self.path} has the columns {', '.join(row)}", remedy=f"known kinds are {wanted}")

    def locate(self, names: Iterable[str]) -> Mapping[str, Path]:
        """Return the file of each path, or where it would be if it were there.

        :raises DataError: where one leads out of the folder.
        """
        return ListedImages(self.root).find(names)

    def file(self, name: str) -> Path:
        """Return the file of an image that a row names, or where it would be if it were there.

        :raises DataError: where it leads out of the folder.
        """
        return self._files[name]

    @cached_property
    def _files(self) -> Mapping[str, Path]:
        columns = image_columns(self.kind)
        return self.locate(row[name] for row in self.rows for name in columns if row.get(name))

    def images(self) -> Mapping[str, Path]:
        """Return every image of every row."""
        return self._files

    def annotations(self) -> dict[str, Path]:
        """Return the manifest."""
        return {"manifest": self.path}

    @cached_property
    def qrels(self) -> Qrels | None:
        """The relevance judgements beside the manifest, where there are any.

        :raises DataError: where there are two files of them, or their columns are of no kind.
        """
        return Qrels.beside(self.root)

    def judged_annotations(self) -> Mapping[str, Path]:
        """Return the manifest, and the judgements where there are any."""
        judged = qrels_file(self.root)
        return self.annotations() | ({"qrels": judged} if judged else {})

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
