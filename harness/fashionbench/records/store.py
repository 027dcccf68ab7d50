"""A folder of records: append-only, content-addressed, valid after any crash.

::

    records/<task>/<backend>/<record id>.json     one record, never edited
    predictions/<sha256>.parquet                  what its metrics were computed from
    images/<xx>/<sha256>.png                      what try-on and design backends generated
    marks/<record id>-<sha256>.json               that a record is invalid, and why
    cache/                                        what can be made again
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from fashionbench import files
from fashionbench.canonical import digest, short
from fashionbench.data.images import stamp
from fashionbench.errors import StoreError
from fashionbench.files import regular_text, slug
from fashionbench.json_reader import loads
from fashionbench.records.base import Model
from fashionbench.records.migrations import load
from fashionbench.records.predictions_store import PredictionsStore, fault
from fashionbench.records.provenance import now
from fashionbench.records.record_texts import record_with_clean_texts
from fashionbench.records.stored_text import stored_text

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from fashionbench.data.images import Stamp
    from fashionbench.records.schema import PredictionsPart, Record


class Mark(Model):
    """A later word on a record."""

    record_id: str
    kind: Literal["invalidated"] = "invalidated"
    reason: str
    time: str


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
    """

    records: list[Record] = field(default_factory=list)
    marks: dict[str, str] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def current(self) -> list[Record]:
        """Return the records that are neither superseded nor invalidated."""
        gone = {record.supersedes for record in self.records} | set(self.marks)
        return [record for record in self.records if record.record_id not in gone]


class Store:
    """Records and predictions below one folder.

    :param root: the folder; it is made when the first file is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.predictions = PredictionsStore(root)
        self._known: dict[Path, tuple[Stamp, Record]] = {}

    @property
    def cache(self) -> Path:
        """A folder for what can be made again."""
        return self.root / "cache"

    def check_writable(self) -> None:
        """Try to write a file into the folder, which is made where it is not there.

        :raises StoreError: where that cannot be done, with the reason of the system.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.root):
                pass
        except OSError as error:
            msg = f"the store {self.root} cannot be written: {error.strerror or error}"
            raise StoreError(msg, remedy="choose another --store, or free some space") from error

    def add(self, record: Record) -> Record:
        """Write a record and return it with its id."""
        sealed = record_with_clean_texts(record).sealed()
        text = json.dumps(sealed.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
        files.write_text(self._path(sealed), text + "\n")
        return sealed

    def find(self, cell: str, task: str, backend: str) -> Record | None:
        """Return the newest current record of a cell, if that did not fail."""
        newest = self.find_any(cell, task, backend)
        return None if newest is None or newest.status == "error" else newest

    def find_any(self, cell: str, task: str, backend: str) -> Record | None:
        """Return the newest current record of a cell, failed or not."""
        folder = self.root / "records" / slug(task) / slug(backend)
        of_cell = [record for record in self._scan(folder).current() if record.cell == cell]
        return of_cell[-1] if of_cell else None

    def scan(self) -> Scan:
        """Read every record; what cannot be read is named in the result and does not stop the rest."""
        return self._scan(self.root / "records")

    def get(self, prefix: str) -> Record:
        """Find one record by its id or an unambiguous beginning of it, with or without ``sha256:``.

        :raises StoreError: where none or several fit.
        """
        wanted = prefix.removeprefix("sha256:")
        found = [r for r in self.scan().records if r.record_id.removeprefix("sha256:").startswith(wanted)]
        if len(found) != 1 or not wanted:
            msg = f"{len(found)} records in {self.root} begin with {prefix!r}"
            raise StoreError(msg, remedy="'fashionbench records list' lists their ids")
        return found[0]

    def invalidate(self, record: Record, reason: str) -> None:
        """Take a record out of every board, for a reason that stays on file.

        :raises StoreError: where the reason is empty, or the record has been invalidated before.
        """
        if not reason.strip():
            raise StoreError("a record is invalidated for a reason", remedy="pass --reason TEXT")
        earlier = self.scan().marks.get(record.record_id)
        if earlier is not None:
            msg = f"the record {short(record.record_id)} is invalidated already: {earlier}"
            raise StoreError(msg, remedy="the first reason stays on file")
        mark = Mark(record_id=record.record_id, reason=stored_text(reason), time=now())
        fields = mark.model_dump(mode="json")
        name = f"{_hex(record.record_id)[:20]}-{_hex(digest(fields))[:12]}.json"
        files.write_text(self.root / "marks" / name, json.dumps(fields, indent=1) + "\n")

    def write_predictions(self, table: pa.Table, schema_id: str) -> PredictionsPart:
        """Write a predictions table under its checksum."""
        return self.predictions.write(table, schema_id)

    def keep_image(self, content: bytes) -> str:
        """Keep a generated PNG under its checksum, which is returned."""
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
            wrong = fault(path, checksum)
            if wrong:
                return Fault(path, f"{path.parent.name} of {record.record_id}: {wrong}")
        return None

    def _path(self, record: Record) -> Path:
        folder = self.root / "records" / slug(record.task.id) / slug(record.backend.id)
        return folder / f"{_hex(record.record_id)[:20]}.json"

    def _scan(self, folder: Path) -> Scan:
        """Read what lies below a folder; a record is never edited, so each file is parsed once."""
        scan = Scan()
        for path in sorted(folder.rglob("*.json")):
            read = self._parsed(path)
            if isinstance(read, Fault):
                scan.faults.append(read)
            else:
                scan.records.append(read)
        for path in sorted((self.root / "marks").glob("*.json")):
            try:
                mark = Mark.model_validate(_json(path))
            except (OSError, ValueError, ValidationError, StoreError) as error:
                scan.faults.append(Fault(path, str(error).replace("\n", " ")))
                continue
            scan.marks[mark.record_id] = mark.reason
        scan.records.sort(key=lambda record: (record.provenance.ended, record.record_id))
        return scan

    def _parsed(self, path: Path) -> Record | Fault:
        try:
            state = stamp(path)
            known = self._known.get(path)
            if known is None or known[0] != state:
                known = (state, load(_json(path)))
                self._known[path] = known
        except (OSError, ValueError, KeyError, TypeError, ValidationError, StoreError) as error:
            return Fault(path, str(error).replace("\n", " "))
        return known[1]


def _hex(record_id: str) -> str:
    return record_id.removeprefix("sha256:")


def _json(path: Path) -> dict[str, Any]:
    loaded = loads(regular_text(path))
    if not isinstance(loaded, dict):
        raise StoreError("the file holds no JSON object")
    return loaded
