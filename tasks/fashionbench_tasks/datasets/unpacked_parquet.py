"""Images of Parquet files unpacked into folders, for what reads images by their paths, in any order and many times."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.temporaries import remove_dead, temporary_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

#: Rows that are in memory at once.
_BATCH = 16
LIST = "matedata.jsonl"


def unpacked(files: Sequence[Path], name: str, images: Sequence[str], texts: Sequence[str], cache: Path) -> Path:
    """Return a folder with the images of some Parquet files, written the first time: bytes are copied as they are.

    It has a folder for each column of images, and one line a row in ``matedata.jsonl`` with their paths and the texts.
    Files are named by ``name`` and the number of the row, counted through all files. It is another folder when a file
    has changed.

    :raises DataError: naming file, row and column, where there is no image.
    """
    from fashionbench.data.dataset import TWIN_MARK  # noqa: PLC0415

    stats = [f"{path.name} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
    key = hashlib.sha256("\n".join([name, *images, *texts, *stats]).encode()).hexdigest()[:16]
    folder = cache / f"{name}-{key}"
    if (folder / LIST).is_file():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    remove_dead(cache, lambda line: sys.stderr.write(f"{line}\n"))
    work = cache / temporary_name(folder.name)
    work.mkdir(mode=0o700)
    try:
        lines = [_unpack(row, f"{name}-{at:06d}", images, texts, work) for at, row in _rows(files, (*images, *texts))]
        (work / LIST).write_text("".join(lines), encoding="utf-8")
        mark = files[0].parent.parent / TWIN_MARK
        if mark.is_file():
            shutil.copyfile(mark, work / TWIN_MARK)
        work.chmod(0o755)
        _move(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _move(work: Path, folder: Path) -> None:
    """Move a finished folder into place; where another process was faster, its folder stays."""
    try:
        work.replace(folder)
    except OSError:
        if not (folder / LIST).is_file():
            raise


def _rows(files: Sequence[Path], columns: Sequence[str]) -> Iterator[tuple[int, tuple[str, dict[str, Any]]]]:
    import pyarrow.parquet as pq  # noqa: PLC0415

    at = 0
    for path in files:
        with pq.ParquetFile(path, memory_map=True, pre_buffer=False) as file:
            first = at
            for batch in file.iter_batches(batch_size=_BATCH, columns=list(columns)):
                for row in batch.to_pylist():
                    yield at, (f"{path}, row {at - first}", row)
                    at += 1


def _unpack(named: tuple[str, dict[str, Any]], stem: str, images: Sequence[str], texts: Sequence[str], to: Path) -> str:
    from fashionbench.data.image_opener import opened_image  # noqa: PLC0415

    where, row = named
    line = {text: row[text] or "" for text in texts}
    for kind in images:
        value = row[kind]
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            remedy = "the bytes of an image must lie in the file: export it with them"
            raise DataError(f"{where}, column {kind} holds no image", remedy=remedy)
        try:
            with opened_image(content) as opened:
                suffix = str(opened.format).lower()
        except (DataError, OSError) as error:
            raise DataError(f"{where}, column {kind} is no image: {error}", remedy="fetch the file again") from error
        place = to / kind / f"{stem}.{suffix}"
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)
        line[kind] = f"{kind}/{place.name}"
    return json.dumps(line, ensure_ascii=False) + "\n"
