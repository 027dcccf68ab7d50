"""A folder of records: append-only, content-addressed, valid after any crash.

::

    records/<task>/<backend>/<record id>.json     one record, never edited
    predictions/<sha256>.parquet                  what its metrics were computed from
    images/<xx>/<sha256>.png                      what try-on and design backends generated
    marks/<record id>-<sha256>.json               that a record is invalid, and why
    chain.jsonl                                   every record and mark, in the order in which they were written
    cache/                                        what can be made again
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fashionbench import files
from fashionbench.canonical import short
from fashionbench.data.images import stamp
from fashionbench.errors import DataError, FashionBenchError, StoreError
from fashionbench.files import slug
from fashionbench.json_reader import read_object
from fashionbench.records.chain import RECORD_DIGITS, Chain, digits
from fashionbench.records.mark import Mark, read_mark
from fashionbench.records.migrations import load
from fashionbench.records.order import best, in_order, superseded
from fashionbench.records.predictions_store import PredictionsStore, fault
from fashionbench.records.provenance import now
from fashionbench.records.ranges import range_fault
from fashionbench.records.record_texts import record_with_clean_texts
from fashionbench.records.stored_text import stored_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    import pyarrow as pa

    from fashionbench.data.images import Stamp
    from fashionbench.records.schema import PredictionsPart, Record


@dataclass(frozen=True, slots=True)
class Fault:
    """A file of the store that cannot be used."""

    path: Path
    message: str


@dataclass(slots=True)
class Scan:
    """Everything that a store holds.

    :param records: every readable record, oldest first.
    :param marks: reasons of invalid records by record id.
    :param faults: files that were left out.
    :param places: the file of each record, by its id; further files that hold it too are among ``copies``.
    :param copies: files of records that were read before.
    :param read_marks: the marks that could be read, by their file.
    """

    records: list[Record] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    places: dict[str, Path] = field(default_factory=dict)
    copies: list[Path] = field(default_factory=list)
    read_marks: dict[Path, Mark] = field(default_factory=dict)

    def current(self) -> list[Record]:
        """Return the records that are neither superseded nor invalidated."""
        gone = superseded(self.records) | set(self.marks)
        return [record for record in self.records if record.record_id not in gone]


_RECORD_REMEDY = " (restore the file from its source, or delete it and run the cell again)"
_MARK_REMEDY = " (restore the file from its source, or delete it and invalidate the record again)"


class Store:
    """Records and predictions below one folder.

    :param root: the folder; it is made when the first file is written.
    """

    #: Whether it refuses whatever is to be written.
    read_only = False

    def __init__(self, root: Path) -> None:
        self.root = root
        self.predictions = PredictionsStore(root)
        self.chain = Chain(root)
        self._known: dict[Path, tuple[Stamp, Record]] = {}

    @property
    def address(self) -> str:
        """Where it lies, for people."""
        return str(self.root)

    @property
    def cache(self) -> Path:
        """A folder for what can be made again."""
        return self.root / "cache"

    @property
    def can_be_read(self) -> bool:
        """Whether it has records that are not closed to us, though nothing may be written beside them."""
        return os.access(self.root / "records", os.R_OK | os.X_OK)

    def check_there(self) -> None:
        """See that there is a store.

        :raises StoreError: where its folder does not exist.
        """
        if not self.root.is_dir():
            raise StoreError(f"there is no store at {self.root}", remedy="check the path, or run something first")

    def check_writable(self) -> None:
        """Try to write a file into the folder, which is made where it is not there.

        :raises StoreError: where that cannot be done, with the reason of the system.
        """
        if self.root.exists() and not self.root.is_dir():
            kind = files.kind_of(self.root.stat().st_mode)
            raise StoreError(f"the store {self.root} is {kind} and no folder", remedy="choose another --store")
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            msg = f"the store {self.root} cannot be written: {error.strerror or error}"
            raise StoreError(msg, remedy="choose another --store, or free some space") from error

    def add(self, record: Record) -> Record:
        """Write a record at the end of the chain, and return it with its place and id."""
        self._refuse_if_read_only()
        part = self.chain.next()
        sealed = record_with_clean_texts(record).model_copy(update={"chain": part}).sealed()
        text = json.dumps(sealed.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
        files.write_text(self.path_of(sealed), text + "\n")
        self.chain.append(sealed.record_id, part)
        return sealed

    def add_newest(self, record: Record) -> Record:
        """Add a record that supersedes what stood for its cell; one that failed supersedes earlier failures alone."""
        of_cell = self._of_cell(record.cell, record.task.id, record.backend.id)
        before = best(old for old in of_cell if record.status != "error" or old.status == "error")
        return self.add(record.model_copy(update={"supersedes": before.record_id if before else None}))

    def find(self, cell: str, task: str, backend: str) -> Record | None:
        """Return the newest current record of a cell that did not fail."""
        return best(record for record in self._of_cell(cell, task, backend) if record.status != "error")

    def of_backend(self, task: str, backend: str) -> list[Record]:
        """Return the current records of a task on a backend, oldest first."""
        found = self._scan(self._listed(self.root / "records" / slug(task) / slug(backend))).current()
        return [record for record in found if record.task.id == task and record.backend.id == backend]

    def _of_cell(self, cell: str, task: str, backend: str) -> list[Record]:
        return [record for record in self.of_backend(task, backend) if record.cell == cell]

    def scan(self, tasks: Collection[str] | None = None) -> Scan:  # noqa: ARG002  # for stores that are far away
        """Read every record; what cannot be read is named in the result and does not stop the rest.

        :param tasks: ids of the tasks whose records are needed: a store at an address reads no others.
        """
        return self._scan(self._listed(self.root / "records"))

    def get(self, prefix: str) -> Record:
        """Find one record by its id or an unambiguous beginning of it, with or without ``sha256:``.

        :raises StoreError: where none or several fit.
        """
        wanted = prefix.removeprefix("sha256:")
        found = [r for r in self._named(wanted).records if r.record_id.removeprefix("sha256:").startswith(wanted)]
        if len(found) != 1 or not wanted:
            msg = f"{len(found)} records in {self.address} begin with {prefix!r}"
            raise StoreError(msg, remedy="'fashionbench records list' lists their ids")
        return found[0]

    def invalidate(self, record: Record, reason: str, *, time: str | None = None) -> None:
        """Take a record out of every board, for a reason that stays on file.

        :param time: when that was said; by default now.

        :raises StoreError: where the reason is empty, or the record has been invalidated before.
        """
        self._refuse_if_read_only()
        if not reason.strip():
            raise StoreError("a record is invalidated for a reason", remedy="pass --reason TEXT")
        earlier = self.scan().marks.get(record.record_id)
        if earlier is not None:
            msg = f"the record {short(record.record_id)} is invalidated already: {earlier}"
            raise StoreError(msg, remedy="the first reason stays on file")
        part = self.chain.next()
        mark = Mark(
            record_id=record.record_id, reason=stored_text(reason), time=time or now(), cell=record.cell, chain=part
        ).sealed()
        text = json.dumps(mark.model_dump(mode="json"), indent=1, ensure_ascii=False)
        files.write_text(self.root / "marks" / mark.file_name, text + "\n")
        self.chain.append(mark.mark_id, part)

    def write_predictions(self, table: pa.Table, schema_id: str) -> PredictionsPart:
        """Write a predictions table under its checksum."""
        return self.predictions.write(table, schema_id)

    def keep_image(self, content: bytes) -> str:
        """Keep a generated PNG under its checksum, which is returned."""
        self._refuse_if_read_only()
        return self.predictions.keep_image(content)

    def read_predictions(self, part: PredictionsPart) -> pa.Table:
        """Read a predictions table.

        :raises StoreError: where the file is missing, or its content is not what the record says.
        """
        return self.predictions.read(part)

    def check_predictions(self, record: Record) -> Fault | None:
        """Compare the files of a record, predictions and values by item, with their checksums; None if all is well."""
        stored = {part.values: self.predictions.values_path(part.values) for part in record.metrics if part.values}
        if record.predictions is not None:
            stored[record.predictions.sha256] = self.predictions.path(record.predictions)
        for checksum, path in stored.items():
            wrong = fault(self.predictions.here(path), checksum)
            if wrong:
                return Fault(path, f"{path.parent.name} of {record.record_id}: {wrong}")
        return None

    def holds(self, path: Path) -> bool:
        """Tell whether a file of the store is there."""
        return path.is_file()

    def copy_file(self, path: Path, to: Path) -> None:
        """Copy a file of the store to another folder.

        :raises OSError: where it cannot be read, or the other one cannot be written.
        """
        files.write_bytes(to, files.regular_bytes(path))

    def path_of(self, record: Record) -> Path:
        """Return where the file of a record belongs."""
        folder = self.root / "records" / slug(record.task.id) / slug(record.backend.id)
        return folder / f"{digits(record.record_id, RECORD_DIGITS)}.json"

    def _refuse_if_read_only(self) -> None:
        if self.read_only:
            self.check_writable()

    def _listed(self, folder: Path) -> list[Path]:
        """Return the files of records below a folder."""
        return sorted(folder.rglob("*.json"))

    def _named(self, beginning: str) -> Scan:  # noqa: ARG002  # for stores that are far away
        """Read the records whose ids begin so, and maybe others."""
        return self.scan()

    def _marks_of(self, scan: Scan) -> list[Path]:  # noqa: ARG002  # for stores that are far away
        """Return the files of marks, of these records at least."""
        return sorted((self.root / "marks").glob("*.json"))

    def _scan(self, paths: Iterable[Path]) -> Scan:
        """Read files of records; a record is never edited, so each file is parsed once."""
        scan = Scan()
        for path in paths:
            read = self._parsed(path)
            if isinstance(read, Fault):
                scan.faults.append(read)
            elif read.record_id not in scan.places:
                scan.records.append(read)
                scan.places[read.record_id] = path
            elif path == self.path_of(read):
                scan.copies.append(scan.places[read.record_id])
                scan.places[read.record_id] = path
            else:
                scan.copies.append(path)
        self._read_marks(scan)
        scan.records = in_order(scan.records)
        return scan

    def _read_marks(self, scan: Scan) -> None:
        """Read the marks; the name of one that is damaged says of which record it is, and that record stays out."""
        for path in self._marks_of(scan):
            try:
                mark = read_mark(path)
            except (OSError, ValueError, FashionBenchError) as error:
                scan.faults.append(Fault(path, _line(error) + _MARK_REMEDY))
                of = path.name.partition("-")[0]
                for record in scan.records:
                    if digits(record.record_id, RECORD_DIGITS) == of:
                        scan.marks.setdefault(record.record_id, f"its mark {path.name} is damaged")
                continue
            scan.read_marks[path] = mark
            scan.marks[mark.record_id] = mark.reason

    def _parsed(self, path: Path) -> Record | Fault:
        try:
            state = stamp(path)
            known = self._known.get(path)
            if known is None or known[0] != state:
                record = load(_json(path))
                impossible = range_fault(record)
                if impossible:
                    raise StoreError(f"the record holds a number that cannot be: {impossible}")
                known = (state, record)
                self._known[path] = known
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, FashionBenchError) as error:
            said = _line(error)
            return Fault(path, said if getattr(error, "remedy", "") else said + _RECORD_REMEDY)
        return known[1]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _json(path: Path) -> dict[str, Any]:
    try:
        return read_object(path)
    except DataError as error:
        raise StoreError(error.message.removeprefix(f"{path} is ")) from error
