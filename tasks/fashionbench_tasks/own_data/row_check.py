"""What is wrong with each row of a manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.file_index import FileIndex
from fashionbench.data.masks import read_mask
from fashionbench.data.packed_files import is_there
from fashionbench.data.roots import DataRoots
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.manifest import ROLES, SPLITS, Manifest, image_columns, needed_columns
from fashionbench_tasks.datasets.manifest_rows import RowError, read_rows
from fashionbench_tasks.datasets.qrels import Qrels
from fashionbench_tasks.own_data.composed import composed
from fashionbench_tasks.own_data.image_to_image import image_to_image
from fashionbench_tasks.own_data.specs import TASKS
from fashionbench_tasks.retrieval.cross_modal.manifest_pairs import manifest_pairs
from fashionbench_tasks.retrieval.cross_modal.specs import PAIRS_TASK
from fashionbench_tasks.retrieval.judged import judgement_faults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fashionbench.data.file_index import FileFacts
    from fashionbench_tasks.datasets.manifest import Kind
    from fashionbench_tasks.retrieval.task import Retrieval

Row = dict[str, str]
#: What opens the task of a kind whose answers may be graded, and its id.
_JUDGED: dict[str, tuple[Callable[..., Retrieval], str]] = {
    "pairs": (manifest_pairs, "manifest/pairs"),
    "images": (image_to_image, "manifest/image-to-image"),
    "triplets": (composed, "manifest/composed"),
}


def row_faults(root: Path) -> list[str]:
    """Say what is wrong with each row: values that are missing or unknown, and images that are not there or unreadable.

    :raises DataError: where the file cannot be read, or its columns are of no kind.
    """
    data = Manifest(root)
    unread: list[RowError] = []
    rows = read_rows(data.path, unread.append)
    faults = [(error.number, error.fault) for error in unread]
    if not rows and not faults:
        raise DataError(f"{data.path} has no rows", remedy="write one row a pair")
    kind = data.kind_of(rows[0][1]) if rows else "pairs"
    named = {row[c] for _, row in rows for c in image_columns(kind) if row.get(c)}
    files = data.locate(named)
    with FileIndex() as index:
        there = [path for path in files.values() if is_there(path)]
        facts = index.look(there, decode_images=True)
    seen: dict[tuple[tuple[str, str], ...], int] = {}
    for number, row in rows:
        first = seen.setdefault(tuple(sorted(row.items())), number)
        said = [*_value_faults(kind, row), *_image_faults(kind, row, files, facts)]
        said += [] if said else _mask_faults(row, files)
        said += [f"it is the same as row {first}"] if first != number else []
        faults += [(number, one) for one in said]
    if faults:
        return [f"row {number}: {said}" for number, said in sorted(faults, key=lambda fault: fault[0])]
    _ = data.measured  # what only the whole shows, such as two spellings of one group
    return _judgement_faults(data)


def _judgement_faults(data: Manifest) -> list[str]:
    """Say what is wrong with each row of the file of judgements; its ids are those of the manifest's tasks."""
    qrels = Qrels.beside(data.root, strict=False)
    if qrels is None:
        return []
    if data.kind not in _JUDGED:
        held = f"{data.path} holds {data.kind}, of which no task reads it"
        raise DataError(f"{qrels.path} judges what is retrieved; {held}", remedy="remove it")
    made, task = _JUDGED[data.kind]
    spec = next(one for one in (PAIRS_TASK, *TASKS) if one.id == task)
    opened = made(spec, DataRoots(named={"manifest": data.root}), graded=False)
    return judgement_faults(qrels, opened.listed())


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


def _mask_faults(row: Row, files: Mapping[str, Path]) -> list[str]:
    """Say why a run would refuse the row's mask; the images of the row can be read."""
    mask, person = files.get(row.get("mask", "")), files.get(row.get("person", ""))
    if mask is None or person is None:
        return []
    try:
        read_mask(mask, person)
    except DataError as error:
        return [error.message]
    return []
