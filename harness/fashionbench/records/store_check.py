"""Check that what a store holds is what was written there: names, places, checksums, numbers, times and the chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.canonical import short
from fashionbench.records.chain import RECORD_DIGITS, digits
from fashionbench.records.chain_check import chain_faults, unchained
from fashionbench.records.file_check import check_files
from fashionbench.records.order import wrong_supersession
from fashionbench.records.ranges import order_fault, time_fault, times_of
from fashionbench.records.store import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Scan, Store


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """What a check found.

    :param records: those that are readable.
    :param faults: what is wrong with which file.
    :param notes: lines on what a reader should know and is no fault, such as files that no record names.
    """

    records: list[Record] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def check_store(store: Store) -> StoreCheck:
    """Check every file of a store, apart from whether metrics follow from the predictions."""
    scan = store.scan()
    found = StoreCheck(scan.records, list(scan.faults))
    found.faults.extend(Fault(path, "holds a record that another file holds too; delete it") for path in scan.copies)
    known = {record.record_id: record for record in scan.records}
    for record in scan.records:
        path = scan.places[record.record_id]
        found.faults.extend(Fault(path, said) for said in _record_faults(record, path, store, known))
    found.faults.extend(_mark_faults(scan, known))
    stored = check_files(store, scan)
    found.faults.extend(stored.faults)
    found.faults.extend(chain_faults(store.chain, scan))
    found.notes.extend([*stored.notes, *unchained(scan)])
    return found


def _record_faults(record: Record, path: Path, store: Store, known: dict[str, Record]) -> Iterator[str]:
    place = store.path_of(record)
    if path.name != place.name:
        yield f"the record is {short(record.record_id)}, and the file has another name; rename it to {place.name}"
    if path.parent != place.parent:
        yield f"a record of {record.task.id} on {record.backend.id} lies in another one's folder; move it to {place}"
    if record.metrics and record.predictions is None and record.attestation != "paper-reported" and record.dataset:
        yield "it has values and no predictions that they could be computed from; invalidate it, or run the cell again"
    late = time_fault(times_of(record)) or order_fault(record)
    if late:
        yield f"{late}; invalidate it, or correct the clock and run the cell again"
    old = known.get(record.supersedes or "")
    wrong = wrong_supersession(record, old) if old is not None else ""
    # Earlier versions let failures supersede results; what they say is passed over.
    if old is not None and wrong and (record.chain is not None or record.status != "error"):
        yield f"it claims to supersede {short(old.record_id)}, and does not: {wrong}"


def _mark_faults(scan: Scan, known: dict[str, Record]) -> Iterator[Fault]:
    for path, mark in scan.read_marks.items():
        record = known.get(mark.record_id)
        late = time_fault([("its time", mark.time)])
        if late:
            yield Fault(path, f"the mark cannot be: {late}")
        if record is not None and mark.cell and mark.cell != record.cell:
            yield Fault(path, f"the mark is of another cell than its record {short(record.record_id)}")
        if record is None and not any(f.path.stem == digits(mark.record_id, RECORD_DIGITS) for f in scan.faults):
            yield Fault(path, f"it marks the record {short(mark.record_id)}, which is not here")
