"""A folder of records: append-only, content-addressed, valid after any crash.

::

    records/<task>/<backend>/<record id>.json     one record, never edited
    predictions/<sha256>.parquet                  what its metrics were computed from
    pictures/<xx>/<sha256>.png                    what try-on and design backends made
    marks/<record id>-<sha256>.json               that a record is invalid, and why
    cache/                                        what can be made again
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from fashionbench import files
from fashionbench.canonical import digest
from fashionbench.errors import StoreError
from fashionbench.records.base import Model
from fashionbench.records.migrations import load
from fashionbench.records.provenance import now
from fashionbench.records.schema import PredictionsPart, Record

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


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

    @property
    def cache(self) -> Path:
        """A folder for what can be made again."""
        return self.root / "cache"

    def add(self, record: Record) -> Record:
        """Write a record and return it with its id."""
        sealed = record.sealed()
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
        fitting = [record for record in self._scan(folder).current() if record.cell == cell]
        return fitting[-1] if fitting else None

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
            raise StoreError(msg, remedy="'fashionbench records' lists their ids")
        return found[0]

    def invalidate(self, record: Record, reason: str) -> None:
        """Take a record out of every board, for a reason that stays on file.

        :raises StoreError: where the reason is empty.
        """
        if not reason.strip():
            raise StoreError("a record is invalidated for a reason", remedy="pass --reason TEXT")
        mark = Mark(record_id=record.record_id, reason=reason, time=now())
        fields = mark.model_dump(mode="json")
        name = f"{_hex(record.record_id)[:20]}-{_hex(digest(fields))[:12]}.json"
        files.write_text(self.root / "marks" / name, json.dumps(fields, indent=1) + "\n")

    def write_predictions(self, table: pa.Table, schema_id: str) -> PredictionsPart:
        """Write a predictions table under its checksum."""
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue().to_pybytes()
        checksum = hashlib.sha256(content).hexdigest()
        path = self.root / "predictions" / f"{checksum}.parquet"
        if not path.is_file():
            files.write_bytes(path, content)
        return PredictionsPart(schema_id=schema_id, sha256=checksum, rows=table.num_rows)

    def keep_picture(self, content: bytes) -> str:
        """Keep a generated PNG under its checksum, which is returned."""
        checksum = hashlib.sha256(content).hexdigest()
        path = self.root / "pictures" / checksum[:2] / f"{checksum}.png"
        if not path.is_file():
            files.write_bytes(path, content)
        return checksum

    def read_predictions(self, part: PredictionsPart) -> pa.Table:
        """Read a predictions table.

        :raises StoreError: where the file is missing, or its content is not what the record says.
        """
        import pyarrow.parquet as pq  # noqa: PLC0415

        path = self._predictions_path(part)
        if not path.is_file():
            raise StoreError(f"the predictions file {path} is missing", remedy="run the cell again with --rerun")
        if hashlib.sha256(path.read_bytes()).hexdigest() != part.sha256:
            msg = f"the predictions file {path} was altered or damaged"
            raise StoreError(msg, remedy="delete it and run the cell again with --rerun")
        return pq.read_table(path)

    def check_predictions(self, record: Record) -> Fault | None:
        """Compare the predictions file of a record with its checksum; None where all is well."""
        if record.predictions is None:
            return None
        path = self._predictions_path(record.predictions)
        try:
            content = path.read_bytes()
        except OSError as error:
            return Fault(path, f"predictions of {record.record_id}: {error.strerror}")
        if hashlib.sha256(content).hexdigest() != record.predictions.sha256:
            return Fault(path, f"predictions of {record.record_id} were altered or damaged")
        return None

    def _predictions_path(self, part: PredictionsPart) -> Path:
        return self.root / "predictions" / f"{part.sha256}.parquet"

    def _path(self, record: Record) -> Path:
        folder = self.root / "records" / slug(record.task.id) / slug(record.backend.id)
        return folder / f"{_hex(record.record_id)[:20]}.json"

    def _scan(self, folder: Path) -> Scan:
        scan = Scan()
        for path in sorted(folder.rglob("*.json")):
            try:
                scan.records.append(load(_json(path)))
            except (OSError, ValueError, KeyError, TypeError, ValidationError, StoreError) as error:
                scan.faults.append(Fault(path, str(error).replace("\n", " ")))
        for path in sorted((self.root / "marks").glob("*.json")):
            try:
                mark = Mark.model_validate(_json(path))
            except (OSError, ValueError, ValidationError, StoreError) as error:
                scan.faults.append(Fault(path, str(error).replace("\n", " ")))
                continue
            scan.marks[mark.record_id] = mark.reason
        scan.records.sort(key=lambda record: (record.provenance.ended, record.record_id))
        return scan


def slug(name: str) -> str:
    """Make a folder name of an id."""
    return name.replace("/", "__")


def _hex(record_id: str) -> str:
    return record_id.removeprefix("sha256:")


def _json(path: Path) -> dict[str, Any]:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise StoreError("the file holds no JSON object")
    return loaded
