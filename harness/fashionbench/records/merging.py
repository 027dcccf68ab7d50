"""Bring stores together in one: every record, mark and file of each, as it is, so that each chain stays whole.

An id is a hash of what a record says, its place in the chain included, so nothing is changed and nothing can be: the
chains stand side by side as branches, which the next entry joins. Files that records name are copied first, then
entries in the order of their chains. A store that is killed in the middle is a valid one, and the same call goes on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench import files
from fashionbench.canonical import short
from fashionbench.errors import StoreError
from fashionbench.files import regular_bytes
from fashionbench.locks import locked
from fashionbench.records.file_check import files_of
from fashionbench.records.order import superseded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fashionbench.records.chain import ChainPart
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Scan, Store


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two stores that say different things of one cell, or of one file.

    :param what: the cell, or the file below the store.
    :param sides: each store with its hash.
    """

    what: str
    sides: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        said = " and ".join(f"{digest} in {where}" for where, digest in self.sides)
        return f"{self.what}: {said}"


@dataclass(frozen=True, slots=True)
class Merged:
    """What became of a merge.

    :param added: the number of records that were not there before.
    :param known: the number of records that were.
    :param conflicts: while there are any, nothing is written.
    """

    added: int = 0
    known: int = 0
    conflicts: tuple[Conflict, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Entry:
    """A record or a mark with the file that it is in."""

    name: str
    path: Path
    place: ChainPart | None


def merge(sources: Sequence[Store], into: Store, say: Callable[[str], object] = lambda _: None) -> Merged:
    """Copy what stores hold into another one, which may be there already; nothing of it is overwritten.

    The stores are taken to have been checked.

    :param say: takes a line on each store.
    :raises StoreError: where a source is the store itself, or another process merges there.
    :raises OSError: where the store cannot be written; what is there is valid, and the same call goes on.
    """
    if any(source.root.resolve() == into.root.resolve() for source in sources):
        raise StoreError(f"{into.address} cannot be merged into itself", remedy="name the other stores alone")
    with locked(into.root, "merge of records"):
        held = into.scan()
        scans = [(source, source.scan()) for source in sources]
        found = conflicts([*scans, (into, held)])
        if found:
            return Merged(conflicts=found)
        there = set(held.places)
        for source, scan in scans:
            new = scan.places.keys() - there
            say(f"{source.address}: {len(new)} of {len(scan.places)} records are new")
            _copy(source, scan, into)
            there |= new
        return Merged(len(there) - len(held.places), len(held.places))


def conflicts(scans: Sequence[tuple[Store, Scan]]) -> tuple[Conflict, ...]:
    """Find what stores say differently of one cell or file, and those of which only some keep generated images.

    :param scans: stores with what was read of them; the last is the one that is to be written to.
    """
    return (*_of_cells(scans), *_of_files(scans[:-1], scans[-1][0]), *_of_images(scans))


def _copy(source: Store, scan: Scan, into: Store) -> None:
    for path in sorted({path for record in scan.records for path in files_of(source, record)}):
        place = into.root / path.relative_to(source.root)
        if not place.is_file() and source.holds(path):
            source.copy_file(path, place)
    listed = into.chain.listed()[0]
    for entry in entries_of(scan):
        place = into.root / entry.path.relative_to(source.root)
        if not place.is_file():
            files.write_bytes(place, regular_bytes(entry.path))
        if entry.place is not None and entry.name not in listed:
            into.chain.append(entry.name, entry.place)


def entries_of(scan: Scan) -> list[Entry]:
    """List records and marks, each after those that it names, so that what is copied is whole at every moment."""
    entries = [Entry(record.record_id, scan.places[record.record_id], record.chain) for record in scan.records]
    entries += [Entry(mark.mark_id, path, mark.chain) for path, mark in scan.read_marks.items()]
    return sorted(entries, key=lambda one: (one.place.position if one.place else 0, one.path.parts[-3:]))


def _of_cells(scans: Sequence[tuple[Store, Scan]]) -> Iterator[Conflict]:
    """Find the cells of which two stores hold different results, neither of which gave way to another one."""
    every: dict[str, Record] = {}
    homes: dict[str, set[int]] = {}
    marked: set[str] = set()
    for at, (_, scan) in enumerate(scans):
        marked |= scan.marks.keys()
        for record in scan.records:
            every[record.record_id] = record
            homes.setdefault(record.record_id, set()).add(at)
    gone = superseded(list(every.values())) | marked
    cells: dict[tuple[str, str, str], list[Record]] = {}
    for record in every.values():
        if record.record_id not in gone and record.status != "error":
            cells.setdefault((record.cell, record.task.id, record.backend.id), []).append(record)
    for (_, task, backend), records in sorted(cells.items()):
        # What one store holds alone is not for a merge to judge.
        together = set.intersection(*(homes[record.record_id] for record in records))
        if not together and len({_result(record) for record in records}) > 1:
            sides = [
                (scans[min(homes[record.record_id])][0].address, short(record.record_id, 20)) for record in records
            ]
            seed = f" (seed {records[0].decoding.seed})" if records[0].decoding.seed else ""
            yield Conflict(f"{task} × {backend}{seed} has two results", tuple(sides))


def _result(record: Record) -> tuple[object, ...]:
    """Return what a record says of its cell: predictions and values, whatever they took and wherever they were made."""
    values = tuple((part.id, part.slice, part.implementation, part.value) for part in record.metrics)
    return record.status, record.predictions.sha256 if record.predictions else "", values


def _of_files(scans: Sequence[tuple[Store, Scan]], into: Store) -> Iterator[Conflict]:
    """Find the entries whose file has a name that another content has already."""
    seen: dict[Path, Store] = {}
    for source, scan in scans:
        for entry in entries_of(scan):
            name = entry.path.relative_to(source.root)
            first = seen.setdefault(name, source)
            for store in (first, into):
                path = store.root / name
                if path.is_file() and path != entry.path and not _same(path, entry.path):
                    sides = (store.address, _sha256(path)), (source.address, _sha256(entry.path))
                    yield Conflict(name.as_posix(), sides)


def _same(one: Path, other: Path) -> bool:
    return _sha256(one) == _sha256(other)


def _sha256(path: Path) -> str:
    return hashlib.sha256(regular_bytes(path)).hexdigest()[:20]


def _of_images(scans: Sequence[tuple[Store, Scan]]) -> Iterator[Conflict]:
    """Find stores of which some keep the generated images of their records, and others do not."""
    having = [(store.address, any(_images(store, scan))) for store, scan in scans if any(_named(store, scan))]
    kept = [where for where, has in having if has]
    lacking = [where for where, has in having if not has]
    if kept and lacking:
        yield Conflict("generated images", ((kept[0], "kept"), (lacking[0], "not kept")))


def _named(store: Store, scan: Scan) -> Iterator[Path]:
    for record in scan.records:
        yield from (path for path in files_of(store, record) if path.suffix == ".png")


def _images(store: Store, scan: Scan) -> Iterator[bool]:
    return (store.holds(path) for path in _named(store, scan))
