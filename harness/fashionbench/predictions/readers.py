"""Read prediction files.

=====================  =======================================================================================
what                   how it looks
=====================  =======================================================================================
rankings               JSON or JSON Lines: ``{query id: [candidate ids, best first]}``
CIRR server file       the same with ``"version": "rc2"`` and ``"metric": "recall"`` or ``"recall_subset"``
captions               ``{image id: text}``, or COCO's list of ``{"image_id": ..., "caption": ...}``
embeddings             ``.npz`` or ``.safetensors`` with ``query_ids``, ``query_embeddings``, ``candidate_ids`` and
                       ``candidate_embeddings`` (ids as UTF-8 JSON bytes in safetensors), or Parquet with the columns
                       ``id``, ``role`` and ``embedding``
hit lists              ``.npy`` or ``.pt``: bool [queries, K], in the order of the task's queries
images                 a folder with one ``<id>.png`` for each item, or with ``mapping.json``, ``{id: file}``
=====================  =======================================================================================

Nothing here unpickles: ``.npz`` and ``.npy`` are read without pickles, ``.pt`` with ``weights_only``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.files import sha256
from fashionbench.predictions import image_folder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file held; one of the fields is filled.

    :param rankings: candidates of each query, best first.
    :param subset: whether the rankings are of CIRR's subsets.
    :param vectors: embeddings by role and id.
    :param hits: bool [queries, K]: whether the candidate at that rank is right.
    :param images: files by item id.
    """

    path: Path
    sha256: str
    rankings: Mapping[str, list[str]] = field(default_factory=dict)
    subset: bool = False
    captions: Mapping[str, str] = field(default_factory=dict)
    vectors: Mapping[tuple[str, str], NDArray[np.float32]] = field(default_factory=dict)
    hits: NDArray[np.bool_] | None = None
    images: Mapping[str, Path] = field(default_factory=dict)


def read(path: Path) -> Imported:
    """Read a prediction file or folder of any kind.

    :raises DataError: where it is missing, damaged, or of no known kind.
    """
    if path.is_dir():
        return _images(path)
    if not path.is_file():
        raise DataError(f"{path} does not exist", remedy="check the path")
    checksum = sha256(path)
    readers = {
        ".json": _json,
        ".jsonl": _json,
        ".npz": _npz,
        ".safetensors": _safetensors,
        ".parquet": _parquet,
        ".npy": _hits,
        ".pt": _hits,
    }
    if path.suffix not in readers:
        raise DataError(f"{path.name} is of no known kind", remedy=f"known kinds: {', '.join(readers)}, or a folder")
    try:
        return Imported(path, checksum, **readers[path.suffix](path))
    except DataError:
        raise
    except Exception as error:
        raise DataError(f"{path} cannot be read: {error}", remedy="see docs/how-to/score.md for its form") from error


def _images(path: Path) -> Imported:
    found = image_folder.read(path)
    state = hashlib.sha256()
    for name, file in found.items():
        state.update(name.encode() + bytes.fromhex(sha256(file)))
    return Imported(path, state.hexdigest(), images=found)


def _json(path: Path) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".jsonl":
        loaded: Any = {}
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                entry = json.loads(line)
                if not isinstance(entry, dict):
                    raise DataError(f"{path}, line {number} is no object", remedy="write one object a line")
                twice = loaded.keys() & entry.keys()
                if twice:
                    raise DataError(f"{path}, line {number}: {min(twice)} stands twice", remedy="remove one")
                loaded |= entry
    else:
        loaded = json.loads(text, object_pairs_hook=_no_repetition)
    if isinstance(loaded, list):
        loaded = _coco(loaded, path)
    if not isinstance(loaded, dict) or not loaded:
        raise DataError(f"{path} holds no predictions", remedy="write an object by query or image id")
    return _object(loaded, path)


def _object(loaded: dict[str, Any], path: Path) -> dict[str, Any]:
    version, metric = loaded.pop("version", None), loaded.pop("metric", None)
    if version is not None and (version != "rc2" or metric not in {"recall", "recall_subset"}):
        raise DataError(f"{path} is of version {version!r}, metric {metric!r}", remedy="CIRR files are rc2 and recall")
    if all(isinstance(value, str) for value in loaded.values()):
        return {"captions": loaded}
    for name, value in loaded.items():
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise DataError(f"{path}: {name!r} is neither a text nor a list of ids", remedy="mend or drop it")
        if len(set(value)) != len(value):
            raise DataError(f"{path}: {name!r} ranks a candidate twice", remedy="remove the repetition")
    return {"rankings": loaded, "subset": metric == "recall_subset"}


def _coco(entries: list[Any], path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or "image_id" not in entry or not isinstance(entry.get("caption"), str):
            raise DataError(f"{path}, entry {number} has no image_id and caption", remedy="write COCO results")
        name = str(entry["image_id"])
        if name in found:
            raise DataError(f"{path} has two captions of {name}", remedy="keep one")
        found[name] = entry["caption"]
    return found


def _no_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise DataError(f"the key {name!r} stands twice", remedy="keep one of the two")
        found[name] = value
    return found


def _npz(path: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    ids = {role: [str(name) for name in arrays[f"{role}_ids"]] for role in ("query", "candidate")}
    return {"vectors": _vectors(ids, arrays, path)}


def _safetensors(path: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file  # noqa: PLC0415

    arrays = load_file(path)
    ids = {role: json.loads(arrays[f"{role}_ids"].tobytes()) for role in ("query", "candidate")}
    return {"vectors": _vectors(ids, arrays, path)}


def _vectors(ids: Mapping[str, list[str]], arrays: Mapping[str, Any], path: Path) -> dict[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for role, names in ids.items():
        rows = arrays[f"{role}_embeddings"]
        if len(rows) != len(names):
            raise DataError(f"{path} has {len(names)} {role} ids and {len(rows)} rows", remedy="write one row an id")
        for name, row in zip(names, rows, strict=True):
            if (role, name) in found:
                raise DataError(f"{path} has two rows of the {role} {name}", remedy="keep one")
            found[role, name] = row.astype("float32")
    return found


def _parquet(path: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = pq.read_table(path, columns=["id", "role", "embedding"]).to_pydict()
    found: dict[tuple[str, str], Any] = {}
    for name, role, vector in zip(columns["id"], columns["role"], columns["embedding"], strict=True):
        if role not in {"query", "candidate"} or (role, name) in found:
            raise DataError(
                f"{path}: {name!r} has the role {role!r}, or stands twice", remedy="query or candidate, once"
            )
        found[role, name] = np.asarray(vector, dtype=np.float32)
    return {"vectors": found}


def _hits(path: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    if path.suffix == ".npy":
        array = np.load(path, allow_pickle=False)
    else:
        import torch  # noqa: PLC0415

        array = torch.load(path, map_location="cpu", weights_only=True).numpy()
    if array.ndim != 2 or array.dtype != np.bool_:
        raise DataError(f"{path} holds {array.dtype} {array.shape}", remedy="a hit list is bool [queries, K]")
    several = np.flatnonzero(array.sum(axis=1) > 1)
    if several.size:
        raise DataError(f"{path}, row {several[0]} has several hits", remedy="hit lists are for one positive a query")
    return {"hits": array}
