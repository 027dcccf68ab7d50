"""Read prediction files.

=====================  =======================================================================================
what                   how it looks
=====================  =======================================================================================
rankings               JSON or JSON Lines: ``{query id: [candidate ids, best first]}``, ``{query id: {candidate id:
                       score}}`` or ``{query id: [[candidate id, score], ...]}``; rows of ``query_id`` and ``ranking``;
                       CSV or TSV with ``query_id``, ``candidate_id`` and ``score``, ``distance`` or ``rank``; a TREC
                       run (``.trec``, ``.run``, ``.txt``)
CIRR server file       the same with ``"version": "rc2"`` and ``"metric": "recall"`` or ``"recall_subset"``
captions               ``{image id: text}``, ``{image id: [text]}``, or rows of ``image_id`` and ``caption`` as COCO's
                       list, JSON Lines, CSV, TSV or Parquet
embeddings             ``.npz``, ``.safetensors`` or ``.pt`` with ``query_ids``, ``query_embeddings``, ``candidate_ids``
                       and ``candidate_embeddings`` (ids as UTF-8 JSON bytes in safetensors), or Parquet with the
                       columns ``id``, ``role`` and ``embedding``
hit lists              ``.npy`` or ``.pt``: bool, or 0 and 1, [queries, K], in the order of the task's queries
images                 a folder with one ``<id>.png`` for each item, or with ``mapping.json``, ``{id: file}``
=====================  =======================================================================================

Ids are texts, whole numbers or UTF-8 bytes. Nothing here unpickles: ``.npz`` and ``.npy`` are read without pickles,
``.pt`` with ``weights_only``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError, FashionBenchError, reason_of
from fashionbench.files import LARGEST, open_regular, sha256
from fashionbench.predictions import array_files, image_folder, text_files
from fashionbench.predictions.imported import Imported

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_READERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".json": text_files.read_json,
    ".jsonl": text_files.read_json_lines,
    ".csv": text_files.read_table,
    ".tsv": text_files.read_table,
    ".trec": text_files.read_trec,
    ".run": text_files.read_trec,
    ".txt": text_files.read_trec,
    ".npz": array_files.read_npz,
    ".safetensors": array_files.read_safetensors,
    ".parquet": array_files.read_parquet,
    ".npy": array_files.read_npy,
    ".pt": array_files.read_torch,
    ".pth": array_files.read_torch,
}


def read(path: Path, *, captions: bool = False) -> Imported:
    """Read a prediction file or folder of any kind.

    :param captions: whether captions are expected, so that lines of text are not taken for a TREC run.
    :raises DataError: where it is missing, damaged, or of no known kind.
    """
    if path.is_dir():
        return _images(path)
    if not path.exists():
        raise DataError(f"{path} does not exist", remedy="check the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name} is of no known kind", remedy=f"known kinds: {', '.join(_READERS)}, or a folder")
    if captions and reader is text_files.read_trec:
        msg = f"{path} is read as plain lines, which name no image, and captions were expected"
        raise DataError(msg, remedy=f"write JSON, {text_files.CAPTION_FORMS}, or a CSV with image_id and caption")
    try:
        open_regular(path, LARGEST).close()
        return Imported((path,), sha256(path), **reader(path))
    except FashionBenchError:
        raise
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read: it is not UTF-8: {error}", remedy="save it as UTF-8") from error
    except Exception as error:
        raise DataError(
            f"{path} cannot be read: {reason_of(error)}", remedy="see docs/how-to/score.md for its form"
        ) from error


def _images(path: Path) -> Imported:
    found = image_folder.read(path)
    state = hashlib.sha256()
    for name, file in found.items():
        state.update(name.encode() + bytes.fromhex(sha256(file)))
    return Imported((path,), state.hexdigest(), images=found)
