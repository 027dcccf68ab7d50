"""Paths that lead into a tar shard or a Parquet file, such as ``shard-000.tar/0001.jpg``, read as files are.

The part behind a shard is the name of the file in it; behind a Parquet file it is a column of images and the number of
a row, from 0, as ``train.parquet/image/17``; the column may be left out where there is one.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, Any

from fashionbench import files
from fashionbench.data.parquet_column import embedded_bytes, image_columns, row_count
from fashionbench.data.tar_shards import read_member, shard_index

if TYPE_CHECKING:
    from pathlib import Path

#: Endings of files that hold others.
CONTAINERS = (".tar", ".parquet")
_MARKS = tuple(f"{ending}{os.sep}" for ending in CONTAINERS)


def container_of(path: Path) -> tuple[Path, str] | None:
    """Return the shard or Parquet file that a path leads into, and the name within; None for the path of a file."""
    text = os.fspath(path)
    if not any(mark in text for mark in _MARKS):
        return None
    for parent in path.parents:
        if parent.suffix in CONTAINERS and parent.is_file():
            return parent, path.relative_to(parent).as_posix()
    return None


def is_there(path: Path) -> bool:
    """Tell whether a path is that of a file, or of one in a shard or a Parquet file.

    :raises DataError: where the shard or Parquet file is damaged.
    """
    if path.is_file():
        return True
    inner = container_of(path)
    if inner is None:
        return False
    container, name = inner
    if container.suffix == ".tar":
        return name in shard_index(container)
    place = _row_of(container, name)
    return place is not None and place[0] in image_columns(container) and place[1] < row_count(container)


def file_itself(path: Path) -> Path:
    """Return the file on disk whose state decides what is read: the path, or the container that it leads into."""
    inner = container_of(path)
    return path if inner is None else inner[0]


def opened(path: Path) -> Any:
    """Open a file to read bytes, as a raw stream.

    :raises OSError: where it cannot be read.
    :raises DataError: where a shard or Parquet file is damaged.
    """
    inner = container_of(path)
    return files.open_regular(path).detach() if inner is None else io.BytesIO(_content(*inner))


def sha256(path: Path) -> str:
    """Hash the content of a file, 64 hexadecimal digits.

    :raises OSError: where it cannot be read.
    :raises DataError: where a shard or Parquet file is damaged.
    """
    inner = container_of(path)
    return files.sha256(path) if inner is None else hashlib.sha256(_content(*inner)).hexdigest()


def _content(container: Path, name: str) -> bytes:
    if container.suffix == ".tar":
        return read_member(container, name)
    place = _row_of(container, name)
    if place is None:
        raise FileNotFoundError(2, f"{name!r} is no column and row", str(container))
    return embedded_bytes(container, *place)


def _row_of(container: Path, name: str) -> tuple[str, int] | None:
    column, _, number = name.rpartition("/")
    if not number.isdecimal() or len(number) > 12:
        return None
    if not column:
        columns = image_columns(container)
        return (columns[0], int(number)) if len(columns) == 1 else None
    return column, int(number)
