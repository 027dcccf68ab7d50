"""The images of a tar shard or a Parquet file, with the texts beside them, for the rows of a manifest.

In a shard, files of one stem are one sample, as WebDataset has it: ``0001.jpg`` and ``0001.txt``. In a Parquet file a
row is; its text is that of the column ``text``, ``caption`` or ``txt``.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.data.parquet_column import image_columns, present_rows
from fashionbench.data.tar_shards import read_member, shard_index
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS
from fashionbench_tasks.datasets.parquet_images import read_columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TEXT_FILES = (".txt", ".caption")
_TEXT_COLUMNS = ("text", "caption", "txt")


def packed_images(path: Path) -> Iterator[tuple[Path, str]]:
    """List the images of a shard or a Parquet file: paths that lead into it, and texts, empty where there are none.

    :raises DataError: where the file is damaged, or a text is not UTF-8.
    """
    yield from (_of_shard(path) if path.suffix == ".tar" else _of_parquet(path))


def _of_shard(path: Path) -> Iterator[tuple[Path, str]]:
    names = shard_index(path)
    for name in names:
        pure = PurePosixPath(name)
        if pure.suffix.lower() in EXTENSIONS:
            # A stem ends at the first full stop: 0001.front.jpg and 0001.txt are of one sample.
            stem = pure.with_name(pure.name.partition(".")[0])
            beside = next((f"{stem}{ending}" for ending in _TEXT_FILES if f"{stem}{ending}" in names), "")
            yield path / name, _text(path, beside) if beside else ""


def _text(path: Path, name: str) -> str:
    try:
        return " ".join(read_member(path, name).decode().split())
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: {name} is not UTF-8: {error}", remedy="write the shard again") from error


def _of_parquet(path: Path) -> Iterator[tuple[Path, str]]:
    columns = image_columns(path)
    texts = read_columns(path, _TEXT_COLUMNS)
    text = next((texts[name] for name in _TEXT_COLUMNS if name in texts), None)
    for column in columns:
        for at, there in enumerate(present_rows(path, column)):
            if there:
                value = text[at] if text is not None else None
                yield path / column / f"{at:09d}", value if isinstance(value, str) else ""
