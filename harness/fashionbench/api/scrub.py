"""Take secrets and machine paths out of the records of a store that an earlier version wrote."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.errors import StoreError
from fashionbench.locks import locked
from fashionbench.plugins.manager import Plugins
from fashionbench.records.record_texts import record_with_clean_texts
from fashionbench.records.store import Store
from fashionbench.records.store_swap import WORK, swap
from fashionbench.records.stored_text import stored_text
from fashionbench.temporaries import remove_dead, temporary_name

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.records.store import Fault, Scan

#: What is made of records, and may repeat their texts; it is made again when somebody asks for it.
_MADE = "boards"


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What became of the records of a store.

    :param changed: the new id of each record that has other texts now, by its old id.
    :param renamed: the new id of each record that has the same texts, and another place in the chain.
    :param faults: files that cannot be read; while there are any, nothing is changed.
    """

    changed: dict[str, str] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()


def scrub(store: str | Path | Store | None = None, *, plugins: Plugins | None = None) -> Scrubbed:
    """Write the records of a store anew without secrets, machine paths and control characters.

    An id is a hash of what a record says, so records get new ids and a new chain, in the order of the old one; values
    and predictions stay. Boards that lie in the store are removed. Nothing is written where nothing has to go.

    :raises StoreError: where a file cannot be read, for what it says would stay; or where a record would be lost.
    """
    opened = existing_store(store, plugins or Plugins())
    opened.check_writable()
    with locked(opened.root, WORK):
        remove_dead(opened.root, lambda line: sys.stderr.write(f"{line}\n"))
        scan = opened.scan()
        if scan.faults:
            return Scrubbed(faults=tuple(scan.faults))
        foul = {record.record_id for record in scan.records if record_with_clean_texts(record) != record}
        if not foul and all(stored_text(mark.reason) == mark.reason for mark in scan.read_marks.values()):
            return Scrubbed()
        work = opened.root / temporary_name("scrub")
        try:
            ids = _write_anew(scan, Store(work / "new"))
            swap(opened.root, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(opened.root / _MADE, ignore_errors=True)
    return Scrubbed(
        changed={old: new for old, new in ids.items() if old in foul},
        renamed={old: new for old, new in ids.items() if old not in foul and old != new},
    )


def _write_anew(scan: Scan, fresh: Store) -> dict[str, str]:
    """Write all records and marks into a fresh store, in their order; return new ids by old ones."""
    ids: dict[str, str] = {}
    for record in scan.records:
        before = ids.get(record.supersedes or "", record.supersedes)
        ids[record.record_id] = fresh.add(record.model_copy(update={"supersedes": before})).record_id
    by_id = {record.record_id: record for record in fresh.scan().records}
    for mark in sorted(scan.read_marks.values(), key=lambda one: (one.chain.position if one.chain else 0, one.time)):
        if mark.record_id in ids:
            fresh.invalidate(by_id[ids[mark.record_id]], mark.reason, time=mark.time)
    if len(by_id) != len(scan.records):
        msg = f"{len(scan.records)} records gave {len(by_id)}"
        raise StoreError(msg, remedy="two records are one but for what was taken out: invalidate one of them")
    return ids
