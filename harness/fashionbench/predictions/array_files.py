"""Read embeddings and hit lists from NumPy, safetensors, Parquet and PyTorch files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError, reason_of
from fashionbench.files import open_regular, regular_bytes
from fashionbench.json_reader import loads
from fashionbench.predictions.ranked_lists import id_of
from fashionbench.predictions.text_files import is_row, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import BufferedReader
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

#: Bytes of arrays that are unpacked at most.
MOST_UNPACKED = 64 << 30
_ROLES = ("query", "candidate")
_FORM = "query_ids, query_embeddings, candidate_ids, candidate_embeddings"


def read_npz(path: Path) -> dict[str, Any]:
    """Read embeddings from ``.npz``."""
    # numpy leaves a file open that it opened itself and cannot read.
    with open_regular(path) as stream, _zipped(stream, path) as file:
        try:
            arrays = {name: file[name] for name in file.files}
        except ValueError as error:
            remedy = "write ids as an array of texts: np.array(ids, dtype=str)"
            raise DataError(f"{path} cannot be read: {reason_of(error)}", remedy=remedy) from error
    return _embeddings(arrays, path)


def _zipped(stream: BufferedReader, path: Path) -> Any:
    """Open arrays by name, where they are so many bytes unpacked that memory may hold them."""
    import zipfile  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    try:
        with zipfile.ZipFile(stream) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise DataError(f"{path} is no .npz file: {error}", remedy="write it with np.savez") from error
    if size > MOST_UNPACKED:
        raise DataError(f"{path} has {size:,} bytes unpacked, more than {MOST_UNPACKED:,}", remedy="write float32")
    stream.seek(0)
    return np.load(stream, allow_pickle=False)


def read_safetensors(path: Path) -> dict[str, Any]:
    """Read embeddings from ``.safetensors``; NumPy has no bfloat16, which is widened here."""
    import numpy as np  # noqa: PLC0415
    from safetensors import deserialize  # noqa: PLC0415

    arrays: dict[str, Any] = {}
    for name, tensor in deserialize(regular_bytes(path)):  # type: ignore[no-untyped-call]
        data, shape = bytes(tensor["data"]), tensor["shape"]
        if tensor["dtype"] == "BF16":
            wide = np.frombuffer(data, "<u2").astype(np.uint32) << 16
            arrays[name] = wide.view(np.float32).reshape(shape)
        elif tensor["dtype"] in _DTYPES:
            arrays[name] = np.frombuffer(data, _DTYPES[tensor["dtype"]]).reshape(shape)
        else:
            raise DataError(f"{path}: {name} is of the type {tensor['dtype']}", remedy="write float32")
    for name in [f"{role}_ids" for role in _ROLES if f"{role}_ids" in arrays]:
        if arrays[name].dtype == np.uint8:
            arrays[name] = loads(arrays[name].tobytes())
    return _embeddings(arrays, path)


_DTYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}


def read_parquet(path: Path) -> dict[str, Any]:
    """Read embeddings from Parquet with the columns ``id``, ``role`` and ``embedding``, or rows of captions."""
    import numpy as np  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    there = pq.read_schema(path).names
    if is_row(dict.fromkeys(there)):
        return rows_of([(f"row {at}", row) for at, row in enumerate(pq.read_table(path).to_pylist())], path)
    lacking = [name for name in ("id", "role", "embedding") if name not in there]
    if lacking:
        remedy = "write id, role and embedding"
        raise DataError(f"{path} has no column {lacking[0]}; it has {', '.join(there)}", remedy=remedy)
    columns = pq.read_table(path, columns=["id", "role", "embedding"]).to_pydict()
    found: dict[tuple[str, str], Any] = {}
    rows = zip(columns["id"], columns["role"], columns["embedding"], strict=True)
    for number, (value, role, vector) in enumerate(rows):
        name = id_of(value, f"{path}, row {number}")
        if role not in _ROLES or (role, name) in found:
            msg = f"{path}: {name!r} has the role {role!r}, or stands twice"
            raise DataError(msg, remedy="query or candidate, once")
        if vector is None:
            raise DataError(f"{path}, row {number}: {name!r} has no embedding", remedy="fill it in")
        found[role, name] = np.asarray(vector, dtype=np.float32)
    return {"vectors": found}


def read_npy(path: Path) -> dict[str, Any]:
    """Read a hit list from ``.npy``."""
    import numpy as np  # noqa: PLC0415

    with open_regular(path) as stream:
        return _hits(np.load(stream, allow_pickle=False), path)


def read_torch(path: Path) -> dict[str, Any]:
    """Read a hit list, or embeddings by name, as PyTorch saves them: any float type, with or without gradients."""
    import torch  # noqa: PLC0415

    loaded = torch.load(path, map_location="cpu", weights_only=True)
    if isinstance(loaded, torch.Tensor):
        return _hits(_array(loaded), path)
    if not isinstance(loaded, dict):
        msg = f"{path} holds {type(loaded).__name__}"
        raise DataError(msg, remedy=f"save a hit list as a tensor, or embeddings as a dict of {_FORM}")
    arrays = {str(name): _array(value) if isinstance(value, torch.Tensor) else value for name, value in loaded.items()}
    return _embeddings(arrays, path)


def _array(tensor: Any) -> NDArray[Any]:
    """Make an array of a tensor; one that needs gradients, or is of bfloat16, NumPy does not take as it is."""
    plain = tensor.detach().cpu()
    array: NDArray[Any] = (plain.float() if plain.is_floating_point() else plain).numpy()
    return array


def _embeddings(arrays: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Take rows by role and id. One side alone will do where another file has the other."""
    found: dict[tuple[str, str], Any] = {}
    for role in _ROLES:
        ids, rows = arrays.get(f"{role}_ids"), arrays.get(f"{role}_embeddings")
        if ids is None and rows is None:
            continue
        if ids is None or rows is None:
            lacking = f"{role}_ids" if ids is None else f"{role}_embeddings"
            remedy = f"write {_FORM}"
            raise DataError(f"{path} has no {lacking}; it has {', '.join(sorted(arrays))}", remedy=remedy)
        names = [id_of(one, f"{path}: {role}_ids, row {at}") for at, one in enumerate(_listed(ids))]
        if len(rows) != len(names):
            raise DataError(f"{path} has {len(names)} {role} ids and {len(rows)} rows", remedy="write one row an id")
        if getattr(rows, "dtype", None) is None or rows.dtype.kind not in "fiu":
            kind = getattr(rows, "dtype", type(rows).__name__)
            raise DataError(f"{path}: {role}_embeddings is {kind}", remedy="write an array of float32")
        for name, row in zip(names, rows, strict=True):
            if (role, name) in found:
                raise DataError(f"{path} has two rows of the {role} {name}", remedy="keep one")
            found[role, name] = row.astype("float32")
    if not found:
        raise DataError(f"{path} has no embeddings; it has {', '.join(sorted(arrays))}", remedy=f"write {_FORM}")
    return {"vectors": found}


def _listed(ids: Any) -> Sequence[Any]:
    """Return ids as a plain list; an array may be of texts, bytes or numbers, of shape (N,) or (N, 1)."""
    return list(ids.reshape(-1).tolist()) if hasattr(ids, "reshape") else list(ids)


def _hits(array: NDArray[Any], path: Path) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415

    if array.ndim != 2 or not (array.dtype == np.bool_ or (array.dtype.kind in "iuf" and np.isin(array, (0, 1)).all())):
        raise DataError(f"{path} holds {array.dtype} {array.shape}", remedy="a hit list is bool [queries, K]")
    hits: NDArray[np.bool_] = array.astype(np.bool_)
    several = np.flatnonzero(hits.sum(axis=1) > 1)
    if several.size:
        raise DataError(f"{path}, row {several[0]} has several hits", remedy="hit lists are for one positive a query")
    return {"hits": hits}
