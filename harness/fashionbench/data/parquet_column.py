"""Images embedded in a column of a Parquet file, as the ``datasets`` library writes them: objects of bytes and path.

Rows are streamed: a batch at a time, from the row group on that holds the row, and a few batches are kept, for readers
side by side ask a little out of order.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from functools import lru_cache
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

#: Rows of a batch, batches that are kept of a column, and columns that are.
_BATCH, _KEPT, _COLUMNS = 16, 3, 4


class ParquetColumn:
    """One column of a Parquet file, by the number of the row; safe for threads.

    :raises DataError: where the file is no Parquet.
    """

    def __init__(self, path: Path, column: str) -> None:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        try:
            # A file may have one row group: pages are read as they come, and not the whole of it.
            self._file = pq.ParquetFile(path, memory_map=True, pre_buffer=False)
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path, error) from error
        about = self._file.metadata
        sizes = [about.row_group(at).num_rows for at in range(about.num_row_groups)]
        self._ends = list(accumulate(sizes))
        self.rows: int = about.num_rows
        self._column = column
        self._lock = Lock()
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._batches: Any = iter(())
        self._next = -1

    def at(self, row: int) -> Any:
        """Return the value of a row, counted from 0.

        :raises IndexError: where there is no such row.
        """
        if not 0 <= row < self.rows:
            raise IndexError(row)
        with self._lock:
            for start, values in self._kept.items():
                if start <= row < start + len(values):
                    return values[row - start].as_py()
            group = bisect_right(self._ends, row)
            first = self._ends[group - 1] if group else 0
            # Behind what was read last, in the same group: go on; else begin at the row group.
            if not first < self._next <= row:
                self._batches = self._file.iter_batches(batch_size=_BATCH, columns=[self._column], row_groups=[group])
                self._next = first
            while True:
                values = next(self._batches).column(0)
                start, self._next = self._next, self._next + len(values)
                self._kept[start] = values
                while len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
                if row < self._next:
                    return values[row - start].as_py()


def embedded_bytes(path: Path, column: str, row: int) -> bytes:
    """Return the bytes of an image in a row of a Parquet file.

    :param row: its number, from 0.
    :raises FileNotFoundError: where there is no such file, column or row.
    :raises DataError: where the row holds no image, or the file is no Parquet.
    """
    state = path.stat()
    try:
        value = _column(path, (state.st_size, state.st_mtime_ns), column).at(row)
    except (IndexError, KeyError) as error:
        raise FileNotFoundError(2, f"there is no row {row} of the column {column!r}", str(path)) from error
    content = value.get("bytes") if isinstance(value, dict) else value
    if not isinstance(content, bytes):
        remedy = "the bytes of an image must lie in the file: export it with them"
        raise DataError(f"{path}, row {row}, column {column} holds no image", remedy=remedy)
    return content


def image_columns(path: Path) -> list[str]:
    """Return the columns of a Parquet file that hold images: objects of bytes and path, or bytes.

    :raises DataError: where it is no Parquet.
    """
    state = path.stat()
    return list(_image_columns(path, (state.st_size, state.st_mtime_ns)))


def present_rows(path: Path, column: str) -> list[bool]:
    """Tell for each row of a Parquet file whether a column has a value there; the column is not read where all have.

    :raises DataError: where it is no Parquet.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            if _has_no_nulls(file, column):
                return [True] * int(file.metadata.num_rows)
            # Of an object the path alone would do, and bytes are where the value is.
            batches = file.iter_batches(batch_size=_BATCH, columns=[column])
            return [bool(there) for batch in batches for there in _has_bytes(batch.column(0), pa)]
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _has_no_nulls(file: Any, column: str) -> bool:
    """Tell by the statistics of a file that a column has a value in every row."""
    about = file.metadata
    for group in range(about.num_row_groups):
        for at in range(about.num_columns):
            part = about.row_group(group).column(at)
            if part.path_in_schema in {column, f"{column}.bytes"}:
                known = part.statistics
                if known is None or not known.has_null_count or known.null_count:
                    return False
    return True


def _has_bytes(values: Any, pa: Any) -> list[bool]:
    if pa.types.is_struct(values.type):
        return [value is not None and value["bytes"] is not None for value in values.to_pylist()]
    found: list[bool] = values.is_valid().to_pylist()
    return found


def row_count(path: Path) -> int:
    """Return the number of rows of a Parquet file.

    :raises DataError: where it is no Parquet.
    """
    state = path.stat()
    return _row_count(path, (state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=_COLUMNS)
def _column(path: Path, _state: tuple[int, int], column: str) -> ParquetColumn:
    if column not in _image_columns(path, _state):
        raise KeyError(column)
    return ParquetColumn(path, column)


@lru_cache(maxsize=1024)
def _row_count(path: Path, _state: tuple[int, int]) -> int:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        rows: int = pq.read_metadata(path).num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    return rows


@lru_cache(maxsize=1024)
def _image_columns(path: Path, _state: tuple[int, int]) -> tuple[str, ...]:
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    return tuple(field.name for field in schema if _is_image(field.type, pa))


def _is_image(kind: Any, pa: Any) -> bool:
    if pa.types.is_struct(kind):
        names = {kind.field(at).name: kind.field(at).type for at in range(kind.num_fields)}
        return "bytes" in names and _is_image(names["bytes"], pa)
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _unreadable(path: Path, error: Exception) -> DataError:
    first = str(error).partition("\n")[0]
    return DataError(f"{path} cannot be read as Parquet: {first}", remedy="fetch the file again")
