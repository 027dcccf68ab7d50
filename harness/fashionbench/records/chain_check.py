"""Check the chain of a store: whether an entry is gone that others name, and whether each stands in its place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.canonical import short
from fashionbench.errors import counted
from fashionbench.records.chain import FILE, MARK_DIGITS, RECORD_DIGITS, digits
from fashionbench.records.store import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fashionbench.records.chain import Chain, ChainPart
    from fashionbench.records.store import Scan


def chain_faults(chain: Chain, scan: Scan) -> Iterator[Fault]:
    """Compare the entries with each other and with the list of them."""
    listed, wrong = chain.listed()
    for number, said in wrong.items():
        remedy = "delete the line, for each entry has a file of its own"
        if number == 0:
            yield Fault(
                chain.path, f"cannot be read: {said}; remove it, and the next run that writes here makes it again"
            )
            continue
        yield Fault(chain.path, f"line {number} is damaged: {said}; {remedy}")
    entries: dict[str, tuple[Path, ChainPart]] = {
        record.record_id: (scan.places[record.record_id], record.chain) for record in scan.records if record.chain
    }
    entries |= {mark.mark_id: (path, mark.chain) for path, mark in scan.read_marks.items() if mark.chain}
    if len(entries) > 1 and not chain.path.is_file():  # the first is written before the list is begun
        said = "is missing, so that the newest entries may be too; the next run that writes here makes it again"
        yield Fault(chain.path, said)
    for name in listed.keys() & entries.keys():
        if listed[name] != entries[name][1]:
            said = f"says another place of {short(name)} than {entries[name][0].name}; delete the file {FILE}"
            yield Fault(chain.path, said)
    yield from _misplaced(entries)
    yield from _gone(chain.path, listed, entries, scan)


def unchained(scan: Scan) -> Iterator[str]:
    """Say how many entries have no place in the chain."""
    count = sum(record.chain is None for record in scan.records)
    marks = sum(mark.chain is None for mark in scan.read_marks.values())
    if count or marks:
        said = [counted(number, noun) for number, noun in ((count, "record"), (marks, "mark")) if number]
        yield f"unchained: {' and '.join(said)} of an earlier version; one that was deleted would not be missed"


def _misplaced(entries: Mapping[str, tuple[Path, ChainPart]]) -> Iterator[Fault]:
    for path, part in entries.values():
        least = max((entries[name][1].position for name in part.before if name in entries), default=0) + 1
        whole = all(name in entries for name in part.before)
        if part.position < least or (whole and part.position != least):
            yield Fault(path, f"its position in the chain is {part.position}, and {least} follows from those before it")


def _gone(
    path: Path, listed: Mapping[str, ChainPart], entries: Mapping[str, tuple[Path, ChainPart]], scan: Scan
) -> Iterator[Fault]:
    """Name each entry that is named or listed and is not here; one that is damaged is named elsewhere."""
    damaged = {fault.path.stem for fault in scan.faults} | {f.path.stem.rpartition("-")[2] for f in scan.faults}
    named_by = dict.fromkeys(listed, path)
    for at, part in entries.values():
        named_by |= dict.fromkeys(part.before, at)
    for name in sorted(named_by.keys() - entries.keys()):
        if not {digits(name, RECORD_DIGITS), digits(name, MARK_DIGITS)} & damaged:
            verb = "lists" if named_by[name] == path else "follows"
            said = f"{verb} the entry {digits(name, RECORD_DIGITS)}, which is gone: a record or mark was deleted"
            yield Fault(named_by[name], f"{said}; restore it from a copy of the store")
