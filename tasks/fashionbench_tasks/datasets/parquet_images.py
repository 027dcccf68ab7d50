"""Parquet files with embedded images, as the ``datasets`` library writes them: objects of bytes and path."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fashionbench.data.images import Stamp
    from fashionbench.data.items import ImageItem

#: Rows that are in memory at once, of each of the files that were read last.
_BATCH, _FILES = 64, 4


@dataclass(frozen=True, slots=True)
class ParquetImage:
    """An image in a row of a Parquet file.

    :param at: the number of the row, from 0.
    """

    id: str
    path: Path
    at: int
    column: str = "image"

    def open(self) -> ImageItem:
        """Read the image as RGB.

        :raises DataError: naming file and row, where there is none or it cannot be decoded.
        """
        # Here, because specifications read the counts of loaders, and listing tasks must not load an image library.
        from fashionbench.data.images import decode_bytes, stamp  # noqa: PLC0415
        from fashionbench.data.items import ImageItem  # noqa: PLC0415

        value = _rows(self.path, stamp(self.path), self.column).at(self.at)
        content = value.get("bytes") if isinstance(value, dict) else value
        name = f"{self.path}, row {self.at}, column {self.column}"
        if not isinstance(content, bytes):
            remedy = "the bytes of an image must lie in the file: export it with them"
            raise DataError(f"{name} holds no image", remedy=remedy)
        return ImageItem(self.id, decode_bytes(content, name))


def shape_of(path: Path) -> tuple[int, list[str]]:
    """Return the number of rows of a Parquet file, and the names of its columns.

    :raises DataError: where it is missing, or is no Parquet.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path) as file:
            return file.metadata.num_rows, list(file.schema_arrow.names)
    except FileNotFoundError as error:
        raise DataError(f"{path} is not there", remedy="fetch the file") from error
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def require_columns(path: Path, names: Sequence[str]) -> int:
    """Check that a Parquet file has some columns, and return the number of its rows.

    :raises DataError: naming those that it lacks, and those that it has.
    """
    count, there = shape_of(path)
    lacking = [name for name in names if name not in there]
    if lacking:
        msg = f"{path} has no column {', '.join(lacking)}; it has {', '.join(there)}"
        raise DataError(msg, remedy="fetch the file again, or see what its publisher has changed")
    return count


def read_columns(path: Path, names: Sequence[str]) -> dict[str, list[Any]]:
    """Read those of some columns that a Parquet file has; not for columns of images, which would be in memory at once.

    :raises DataError: where the file is missing, or damaged.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    _, there = shape_of(path)
    try:
        with pq.ParquetFile(path) as file:
            columns: dict[str, list[Any]] = file.read(columns=[name for name in names if name in there]).to_pydict()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    return columns


def _unreadable(path: Path, error: Exception) -> DataError:
    first = str(error).partition("\n")[0]
    return DataError(f"{path} cannot be read as Parquet: {first}", remedy="fetch the file again")


class _Rows:
    """One column of a Parquet file, read in the order of the rows; to go back is to begin anew."""

    def __init__(self, path: Path, column: str) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415

        # Files may have one row group: pages are read as they come, and not the whole of it.
        self._file = pq.ParquetFile(path, memory_map=True, pre_buffer=False)
        self._column = column
        self._lock = Lock()
        self._begin()

    def _begin(self) -> None:
        self._batches = self._file.iter_batches(batch_size=_BATCH, columns=[self._column])
        self._start = 0
        self._values: Any = []

    def at(self, row: int) -> Any:
        with self._lock:
            if row < self._start:
                self._begin()
            while row >= self._start + len(self._values):
                self._start += len(self._values)
                self._values = next(self._batches).column(0)
            return self._values[row - self._start].as_py()


@lru_cache(maxsize=_FILES)
def _rows(path: Path, _state: Stamp, column: str) -> _Rows:
    return _Rows(path, column)
