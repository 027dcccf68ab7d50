"""Read columns and images of HDF5 files that strangers made: nothing outside the file, and nothing of another form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

#: Bytes that a column of texts takes when it is read, at most; a compressed one may claim any number.
LARGEST_COLUMN = 2 << 30
#: Rows of a column of texts that are read at once.
_ROWS = 4096
#: Pixels of a side of a stored image, at most.
_WIDEST = 8192
#: Filters that every HDF5 library has. For others it loads code from a folder that a variable names.
_FILTERS = {1: "deflate", 2: "shuffle", 3: "fletcher32", 4: "szip", 5: "nbit", 6: "scale-offset", 32000: "lzf"}
_REFETCH = "fetch the file again"


def open_hdf5(path: Path) -> Any:
    """Open an HDF5 file.

    :raises DataError: where it is none, or h5py is missing.
    """
    try:
        import h5py  # noqa: PLC0415
    except ImportError as error:
        raise DataError(f"{path} needs h5py", remedy='pip install "fashionbench[data]"') from error
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise DataError(f"{path} is no HDF5 file: {error}", remedy=_REFETCH) from error


def text_column(file: Any, key: str, path: Path) -> list[str]:
    """Read a column of texts in iso-8859-1, of shape [N] or [N, 1]; numbers become texts.

    :raises DataError: where it is not there, lies elsewhere, or is no such column.
    """
    data = _array(file, key, path)
    if data.ndim not in {1, 2} or (data.ndim == 2 and data.shape[1] != 1) or data.dtype.kind not in "SUOiuf":
        raise _of_another_form(data, key, path, "texts of shape [N] or [N, 1]")
    if data.dtype.kind == "O":
        import h5py  # noqa: PLC0415

        if h5py.check_string_dtype(data.dtype) is None:
            raise _of_another_form(data, key, path, "texts")
    if data.size * data.dtype.itemsize > LARGEST_COLUMN:
        size = data.size * data.dtype.itemsize
        raise DataError(f"{path}: {key} has {size:,} bytes, more than {LARGEST_COLUMN:,}", remedy=_REFETCH)
    values: list[Any] = []
    room = LARGEST_COLUMN
    try:
        # Block by block: texts of any length may be one text that all rows refer to, and are copied when they are read.
        for start in range(0, data.shape[0], _ROWS):
            block = data[start : start + _ROWS].reshape(-1).tolist()
            room -= sum(len(value) for value in block if isinstance(value, bytes))
            if room < 0:
                msg = f"{path}: the texts of {key} have more than {LARGEST_COLUMN:,} bytes"
                raise DataError(msg, remedy=_REFETCH)
            values += block
    except (OSError, ValueError, MemoryError) as error:
        raise DataError(f"{path} cannot be read at {key}: {error}", remedy=_REFETCH) from error
    return [value.decode("iso-8859-1") if isinstance(value, bytes) else str(value) for value in values]


def images(file: Any, key: str, path: Path) -> Any:
    """Return an array of RGB images [N, H, W, 3] without reading it.

    :raises DataError: where it is not there, lies elsewhere, or is no such array.
    """
    data = _array(file, key, path)
    rgb = data.ndim == 4 and data.shape[3] == 3 and str(data.dtype) == "uint8"
    if not rgb or not 0 < data.shape[1] <= _WIDEST or not 0 < data.shape[2] <= _WIDEST:
        raise _of_another_form(data, key, path, f"uint8 of shape [N, H, W, 3], H and W up to {_WIDEST}")
    return data


def _array(file: Any, key: str, path: Path) -> Any:
    import h5py  # noqa: PLC0415

    link = file.get(key, getlink=True) if key in file.keys() else None  # noqa: SIM118  # "in file" follows links
    if link is None:
        raise DataError(f"{path} has no {key}", remedy=f"it has {', '.join(sorted(file.keys())) or 'nothing'}")
    if not isinstance(link, h5py.HardLink):
        where = getattr(link, "filename", "") or "another place of the file"
        raise DataError(f"{path}: {key} is a link to {where}, and links are not followed", remedy=_REFETCH)
    try:
        data = file[key]
    except (KeyError, OSError, RuntimeError, ValueError) as error:
        raise DataError(f"{path} cannot be read at {key}: {error}", remedy=_REFETCH) from error
    if not isinstance(data, h5py.Dataset):
        raise DataError(f"{path}: {key} is a group and no array", remedy=_REFETCH)
    if data.external or data.is_virtual:
        kind = "other files" if data.external else "a virtual data set of other files"
        raise DataError(f"{path}: {key} lies in {kind}, which are not read", remedy=_REFETCH)
    made = data.id.get_create_plist()
    strange = [code for at in range(made.get_nfilters()) if (code := made.get_filter(at)[0]) not in _FILTERS]
    if strange:
        msg = f"{path}: {key} is packed by the filter {strange[0]}, which would load code"
        raise DataError(msg, remedy=f"pack it by {', '.join(_FILTERS.values())}, or not at all")
    return data


def _of_another_form(data: Any, key: str, path: Path, wanted: str) -> DataError:
    return DataError(f"{path}: {key} is {data.dtype} of shape {list(data.shape)}, and not {wanted}", remedy=_REFETCH)
