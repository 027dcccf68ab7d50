"""Parquet files with embedded images, as the ``datasets`` library writes them: objects of bytes and path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fashionbench.data.items import ImageItem


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
        from fashionbench.data.images import decode_bytes  # noqa: PLC0415
        from fashionbench.data.items import ImageItem  # noqa: PLC0415
        from fashionbench.data.parquet_column import embedded_bytes  # noqa: PLC0415

        content = embedded_bytes(self.path, self.column, self.at)
        return ImageItem(self.id, decode_bytes(content, f"{self.path}, row {self.at}, column {self.column}"))


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
