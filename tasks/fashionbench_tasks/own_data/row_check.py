"""What is wrong with each row of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.file_index import FileIndex
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.manifest import ROLES, SPLITS, Manifest, image_columns, needed_columns
from fashionbench_tasks.datasets.manifest_rows import read_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fashionbench.data.file_index import FileFacts
    from fashionbench_tasks.datasets.manifest import Kind

Row = dict[str, str]


def row_faults(root: Path) -> list[str]:
    """Say what is wrong with each row: values that are missing or unknown, and images that are not there or unreadable.

    :raises DataError: where the file cannot be read, or its columns are of no kind.
    """
    data = Manifest(root)
    rows = read_rows(data.path)
    if not rows:
        raise DataError(f"{data.path} has no rows", remedy="write one row a pair")
    kind = data.kind_of(rows[0][1])
    named = {row[c] for _, row in rows for c in image_columns(kind) if row.get(c)}
    files = data.locate(named)
    with FileIndex() as index:
        there = [path for path in files.values() if path.is_file()]
        facts = index.look(there, decode_images=True)
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    faults: list[str] = []
    for number, row in rows:
        first = seen.setdefault(tuple(sorted(row.items())), number)
        said = [*_value_faults(kind, row), *_image_faults(kind, row, files, facts)]
        said += [f"it is the same as row {first}"] if first != number else []
        faults += [f"row {number}: {one}" for one in said]
    if not faults:
        _ = data.measured  # what only the whole shows, such as two spellings of one group
    return faults


def _value_faults(kind: Kind, row: Row) -> Iterator[str]:
    yield from (f"{column} is empty" for column in needed_columns(kind) if not row.get(column, "").strip())
    known = {"split": SPLITS} | ({"role": ROLES} if kind == "images" else {})
    for column, values in known.items():
        if column in row and row[column] not in values:
            yield f"{column} is {row[column]!r}, and not {' or '.join(values)}"


def _image_faults(kind: Kind, row: Row, files: Mapping[str, Path], facts: Mapping[Path, FileFacts]) -> Iterator[str]:
    for column in image_columns(kind):
        path = files.get(row.get(column, ""))
        if path is not None and path not in facts:
            yield f"{column} {row[column]!r} is not there: looked for {path}"
        elif path is not None and facts[path].fault:
            yield f"{column} {row[column]!r} cannot be read: {facts[path].fault}"
