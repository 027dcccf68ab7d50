"""Predictions, values by item and generated images of a store: whole files under their checksum."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fashionbench import files
from fashionbench.errors import StoreError
from fashionbench.files import regular_bytes
from fashionbench.records.schema import PredictionsPart

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


class PredictionsStore:
    """Files below the root of a store.

    ::

        predictions/<sha256>.parquet      what metrics are computed from
        values/<sha256>.parquet           what a metric found by item, where that is costly or needs the data set
        images/<xx>/<sha256>.png          what try-on and design backends generated
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def here(self, path: Path) -> Path:
        """Return the place of a file, which a store at an address fetches first.

        :raises StoreError: where it is not there.
        """
        return path

    def path(self, part: PredictionsPart) -> Path:
        """Return the file of a table."""
        return self._root / "predictions" / f"{part.sha256}.parquet"

    def write(self, table: pa.Table, schema_id: str) -> PredictionsPart:
        """Write a predictions table under its checksum."""
        checksum = self._write(table, "predictions")
        return PredictionsPart(schema_id=schema_id, sha256=checksum, rows=table.num_rows, depth=_depths(table))

    def read(self, part: PredictionsPart) -> pa.Table:
        """Read a predictions table.

        :raises StoreError: where the file is missing, or its content is not what the record says.
        """
        return _read(self.here(self.path(part)), part.sha256, "predictions")

    def values_path(self, checksum: str) -> Path:
        """Return the file of values by item."""
        return self._root / "values" / f"{checksum}.parquet"

    def write_values(self, table: pa.Table) -> str:
        """Write what a metric found by item under its checksum, which is returned."""
        return self._write(table, "values")

    def read_values(self, checksum: str) -> pa.Table:
        """Read what a metric found by item.

        :raises StoreError: where the file is missing, or its content is not what its name says.
        """
        return _read(self.here(self.values_path(checksum)), checksum, "values by item")

    def _write(self, table: pa.Table, folder: str) -> str:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        content = sink.getvalue().to_pybytes()
        checksum = hashlib.sha256(content).hexdigest()
        path = self._root / folder / f"{checksum}.parquet"
        if not path.is_file():
            files.write_bytes(path, content)
        return checksum

    def keep_image(self, content: bytes) -> str:
        """Keep a generated PNG under its checksum, which is returned."""
        checksum = hashlib.sha256(content).hexdigest()
        path = self.image_path(checksum)
        if not path.is_file():
            files.write_bytes(path, content)
        return checksum

    def read_image(self, checksum: str) -> bytes:
        """Read a generated PNG.

        :raises StoreError: where the file is missing, or its content is not what its name says.
        """
        path = self.here(self.image_path(checksum))
        try:
            content = regular_bytes(path)
        except FileNotFoundError as error:
            msg = f"the generated image {path} is missing"
            raise StoreError(msg, remedy="restore it, or run the cell again with --rerun") from error
        if hashlib.sha256(content).hexdigest() != checksum:
            msg = f"the generated image {path} was altered or damaged"
            raise StoreError(msg, remedy="delete it and run the cell again with --rerun")
        return content

    def image_path(self, checksum: str) -> Path:
        """Return the file of a generated image."""
        return self._root / "images" / checksum[:2] / f"{checksum}.png"


def fault(path: Path, checksum: str) -> str:
    """Compare a file with its checksum; return what is wrong with it, or nothing."""
    try:
        sound = files.sha256(path) == checksum
    except OSError as error:
        return str(error.strerror)
    return "" if sound else "altered or damaged"


def _read(path: Path, checksum: str, what: str) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    if not path.is_file():
        raise StoreError(f"the {what} file {path} is missing", remedy="run the cell again with --rerun")
    content = regular_bytes(path)
    if hashlib.sha256(content).hexdigest() != checksum:
        msg = f"the {what} file {path} was altered or damaged"
        raise StoreError(msg, remedy="delete it and run the cell again with --rerun")
    # Threads cost more than they save in a file of a few hundred kilobytes.
    return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)


def _depths(table: pa.Table) -> dict[str, int]:
    """Return by slice how many candidates the shortest list names that does not name all."""
    if "depth" not in table.column_names:
        return {}
    found: dict[str, int] = {}
    for row in table.select(["slice", "depth", "n_candidates"]).to_pylist():
        if row["depth"] < row["n_candidates"]:
            found[row["slice"]] = min(row["depth"], found.get(row["slice"], row["depth"]))
    return found
