"""Check the files that records of a store name, and find those that no record names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.canonical import short
from fashionbench.errors import StoreError, counted, first_names
from fashionbench.records.predictions_store import fault
from fashionbench.records.store import Fault

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Scan, Store

#: The schema of predictions that name generated images.
_IMAGES = "images/2"
_REMEDY = "restore it, or run the cell again with --rerun"


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What is wrong with files of a store, and what else is to be said of them."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_files(store: Store, scan: Scan) -> FileCheck:
    """Compare predictions, values by item and generated images with their checksums, each file once."""
    found = FileCheck()
    named: dict[Path, tuple[str, Record]] = {}
    for record in scan.records:
        for path, checksum in _tables(store, record):
            named.setdefault(path, (checksum, record))
    for path, (checksum, record) in named.items():
        wrong = fault(path, checksum)
        if wrong:
            found.faults.append(Fault(path, f"{path.parent.name} of {short(record.record_id)}: {wrong}; {_REMEDY}"))
    bad = {fault.path for fault in found.faults}
    found.faults.extend(Fault(*said) for record in scan.records for said in _rows_faults(store, record, bad))
    pictures = {path for record in scan.records for path in _pictures(store, record)}
    # Boards are often kept without the pictures, which are large; a folder of them holds all or is damaged.
    if (store.root / "images").is_dir():
        wrongs = [(path, fault(path, path.stem)) for path in sorted(pictures)]
        found.faults.extend(Fault(path, f"a generated image: {wrong}; {_REMEDY}") for path, wrong in wrongs if wrong)
    elif pictures:
        found.notes.append(f"{counted(len(pictures), 'generated image')} of its records are not kept in this store")
    found.notes.extend(_orphans(store, scan, named.keys() | pictures))
    return found


def files_of(store: Store, record: Record) -> list[Path]:
    """Return the files that a record names: predictions, values by item and generated images."""
    return [*(path for path, _ in _tables(store, record)), *sorted(_pictures(store, record))]


def _tables(store: Store, record: Record) -> Iterator[tuple[Path, str]]:
    """Name the tables of a record, with their checksums."""
    if record.predictions is not None:
        yield store.predictions.path(record.predictions), record.predictions.sha256
    for part in record.metrics:
        if part.values:
            yield store.predictions.values_path(part.values), part.values


def _rows_faults(store: Store, record: Record, bad: Collection[Path]) -> Iterator[tuple[Path, str]]:
    """Say that a table of predictions has another number of rows than its record says."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    part = record.predictions
    path = store.predictions.path(part) if part is not None else None
    if part is not None and path is not None and path not in bad:
        rows = pq.read_metadata(path).num_rows
        if rows != part.rows:
            yield path, f"it has {rows} rows, and the record {short(record.record_id)} says {part.rows}; {_REMEDY}"


def _pictures(store: Store, record: Record) -> set[Path]:
    if record.predictions is None or record.predictions.schema_id != _IMAGES:
        return set()
    try:
        images = store.read_predictions(record.predictions).column("image").to_pylist()
    except (StoreError, KeyError, ValueError, OSError):
        return set()  # said of the table itself
    return {store.predictions.image_path(name) for name in images if name}


def _orphans(store: Store, scan: Scan, named: Iterable[Path]) -> Iterator[str]:
    """Name the files that no record names, such as those of a run that was killed before it wrote the record."""
    folders = ("records", "marks", "predictions", "values", "images")
    files = {path for name in folders for path in (store.root / name).rglob("*") if path.is_file()}
    known = (
        set(named) | set(scan.places.values()) | set(scan.copies) | set(scan.read_marks) | {f.path for f in scan.faults}
    )
    stray = sorted(path.relative_to(store.root).as_posix() for path in files - known)
    if stray:
        unread = "; they may be those of a record that cannot be read" if scan.faults else ""
        yield f"{counted(len(stray), 'file')} that no record names: {first_names(stray)}{unread}"
    absent = [record for record in scan.records if record.supersedes and record.supersedes not in scan.places]
    if absent:
        ids = first_names([short(record.record_id) for record in absent])
        yield f"{counted(len(absent), 'record')} that supersede one that is not here: {ids}"
