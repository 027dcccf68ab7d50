"""Send what a store holds to an address: files that are not there, then records in their order, then the lists of all.

Names follow from contents, so that what is there already is known by its name and size, and a push that was interrupted
goes on. Whoever reads meanwhile finds no record whose files are not there yet.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.errors import StoreError, counted, first_names
from fashionbench.files import write_text
from fashionbench.records import chain
from fashionbench.records.file_check import files_of
from fashionbench.records.merging import Conflict, conflicts, entries_of
from fashionbench.records.store_index import FOLDERS, index_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fashionbench.records.merging import Entry
    from fashionbench.records.remote_store import RemoteStore
    from fashionbench.records.store import Store


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a push.

    :param added: the number of records that were not there before.
    :param known: the number of records that were.
    :param files: the number of files that were sent, records and marks among them.
    :param sent_bytes: their sizes together.
    :param conflicts: while there are any, nothing is sent.
    """

    added: int = 0
    known: int = 0
    files: int = 0
    sent_bytes: int = 0
    conflicts: tuple[Conflict, ...] = field(default=())


def send(store: Store, to: RemoteStore, say: Callable[[str], object] = lambda _: None) -> Sent:
    """Send records, marks, predictions, values and images that are not there; nothing there is overwritten.

    The store is taken to have been checked. Of what is there, the records of the same tasks are read.

    :param say: takes a line on what is sent.
    :raises StoreError: where the address cannot be written, or what is there is damaged.
    """
    to.folder.check_writable()
    to.forget()
    scan = store.scan()
    held = to.scan({record.task.id for record in scan.records})
    if held.faults:
        named = first_names([fault.path.name for fault in held.faults], 3)
        msg = f"{to.address} has {counted(len(held.faults), 'file')} that cannot be read: {named}"
        raise StoreError(msg, remedy="delete them there, and push again")
    found = conflicts([(store, scan), (to, held)])
    if found:
        return Sent(conflicts=found)
    there = _there(to)
    tables = {path for record in scan.records for path in files_of(store, record) if store.holds(path)}
    entries = entries_of(scan)
    new = [entry for entry in entries if _name(store, entry.path) not in there]
    lacking = sorted(path for path in tables if _name(store, path) not in there)
    different = [_name(store, path) for path in tables if there.get(_name(store, path), _size(path)) != _size(path)]
    if different:
        msg = f"{to.address} has another file of the name {min(different)}: it was altered, or not sent whole"
        raise StoreError(msg, remedy="delete it there, and push again")
    size = sum(path.stat().st_size for path in (*lacking, *(entry.path for entry in new)))
    say(f"{to.address}: {counted(len(lacking) + len(new), 'file')} of {size:,} bytes to send")
    for part in (lacking, *_in_order(new)):
        to.folder.send_all((path, _name(store, path)) for path in part)
    _list(to, entries)
    of_records = [entry for entry in entries if entry.name in scan.places]
    added = sum(entry.name in scan.places for entry in new)
    return Sent(added, len(of_records) - added, len(lacking) + len(new), size)


def _there(to: RemoteStore) -> dict[str, int]:
    return {name: size for folders in FOLDERS.values() for folder in folders for name, size in to.names(folder).items()}


def _in_order(entries: Sequence[Entry]) -> list[list[Path]]:
    """Divide entries: those without a place in a chain, records, and then marks, each after its record."""
    records = [entry.path for entry in entries if entry.path.parent.name != "marks"]
    return [records, [entry.path for entry in entries if entry.path.parent.name == "marks"]]


def _list(to: RemoteStore, entries: Sequence[Entry]) -> None:
    """Add entries to the chain's list there, and write the lists of files anew."""
    to.forget()
    names = _there(to)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / chain.FILE
        to.folder.fetch(chain.FILE, path)
        one = chain.Chain(Path(folder))
        listed = one.listed()[0]
        new = [entry for entry in entries if entry.place is not None and entry.name not in listed]
        for entry in new:
            if entry.place is not None:
                one.append(entry.name, entry.place)
        if new:
            to.folder.send(path, chain.FILE)
        for which in FOLDERS:
            text = index_text(names, which)
            if to.folder.read(which) != text.encode():
                write_text(Path(folder) / which, text)
                to.folder.send(Path(folder) / which, which)


def _name(store: Store, path: Path) -> str:
    return path.relative_to(store.root).as_posix()


def _size(path: Path) -> int:
    return path.stat().st_size
