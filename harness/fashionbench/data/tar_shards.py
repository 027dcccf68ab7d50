"""Files inside tar shards, as WebDataset writes them: an index of byte offsets, and random access without extraction.

An index is read from the headers of the shard, or from a file beside it that :func:`write_index` has made. A shard that
holds a name that leads out of it, a link, a device or a file twice is refused as a whole: it was not written for data.
"""

from __future__ import annotations

import json
import tarfile
from functools import lru_cache
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.files import open_regular, regular_text, write_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import MappingProxyType

#: What is added to the name of a shard for that of its index.
INDEX_SUFFIX = ".index.json"
#: The most bytes of one file that are read into memory.
LARGEST = 1 << 30
_FORMAT = "fashionbench-tar-index/1"
_BLOCK = 512
_SHARDS = 4096  # indexes that are kept, a few megabytes each for shards of ten thousand files

Place = tuple[int, int]


def shard_index(path: Path) -> Mapping[str, Place]:
    """Return where the files of a shard begin, and their sizes in bytes, by name.

    :raises DataError: where it is no plain tar, is cut off, or holds what is no regular file inside it.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", remedy="fetch the shard") from error
    return _index(path, state.st_size, state.st_mtime_ns)


def read_member(path: Path, name: str) -> bytes:
    """Read a file of a shard.

    :raises FileNotFoundError: where the shard has no file of this name.
    :raises DataError: where the shard is no longer what its index says, or the file is larger than 1 GiB.
    """
    at = shard_index(path).get(name)
    if at is None:
        raise FileNotFoundError(2, f"the shard has no file {name!r}", str(path))
    offset, size = at
    if size > LARGEST:
        raise DataError(f"{path}: {name} has {size:,} bytes, and at most {LARGEST:,} are read", remedy="leave it out")
    with open_regular(path) as file:
        file.seek(offset - _BLOCK)
        head = file.read(_BLOCK)
        content = file.read(size)
    try:
        there = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.TarError:
        there = None
    if there is None or not there.isreg() or len(content) != size or there.size not in {size, 0}:
        msg = f"{path} is another shard than its index {path.name}{INDEX_SUFFIX} says, at {name}"
        raise DataError(msg, remedy="delete the index, or write it again with 'fashionbench data index'")
    return content


def write_index(path: Path) -> int:
    """Write the index of a shard beside it, so that its headers need not be read again; return the number of files.

    :raises DataError: as :func:`shard_index`.
    :raises OSError: where it cannot be written.
    """
    state = path.stat()
    found = _scanned(path)
    fields = {"format": _FORMAT, "size": state.st_size, "modified": state.st_mtime_ns, "files": found}
    write_text(path.with_name(path.name + INDEX_SUFFIX), json.dumps(fields, ensure_ascii=False) + "\n")
    return len(found)


@lru_cache(maxsize=_SHARDS)
def _index(path: Path, size: int, modified: int) -> MappingProxyType[str, Place]:
    from types import MappingProxyType  # noqa: PLC0415

    return MappingProxyType(_written(path, size, modified) or _scanned(path))


def _written(path: Path, size: int, modified: int) -> dict[str, Place] | None:
    """Read the index beside a shard; None where there is none, or it is that of another state of the shard."""
    beside = path.with_name(path.name + INDEX_SUFFIX)
    try:
        fields = loads(regular_text(beside))
        if (fields["format"], fields["size"], fields["modified"]) != (_FORMAT, size, modified):
            return None
        found = {str(name): (int(at), int(length)) for name, (at, length) in fields["files"].items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{beside} is no index of a shard: {error}"
        raise DataError(msg, remedy="delete it, or write it again with 'fashionbench data index'") from error
    for name, (at, length) in found.items():
        _check_name(path, name)
        if at < _BLOCK or length < 0 or at + length > size:
            msg = f"{beside} says that {name} lies outside of the shard"
            raise DataError(msg, remedy="delete it, or write it again with 'fashionbench data index'")
    return found


def _scanned(path: Path) -> dict[str, Place]:
    """Read the headers of a shard, one after the other."""
    found: dict[str, Place] = {}
    try:
        with open_regular(path) as file, tarfile.open(fileobj=file, mode="r:") as shard:
            whole = path.stat().st_size
            for info in shard:
                name = info.name.removeprefix("./")
                if info.isdir():
                    continue
                if not info.isreg() or info.issparse():
                    kind = "a link" if info.issym() or info.islnk() else "a device, a FIFO or a sparse file"
                    raise _refused(path, f"{info.name!r} is {kind}")
                _check_name(path, name)
                if name in found:
                    raise _refused(path, f"{name!r} stands in it twice")
                if info.offset_data + info.size > whole:
                    raise _refused(path, f"it is cut off in {name!r}", "fetch the shard again")
                found[name] = info.offset_data, info.size
                shard.members = []  # type: ignore[attr-defined]  # tarfile keeps them all
    except (tarfile.TarError, OSError) as error:
        said = str(error) or type(error).__name__
        remedy = "fetch it again; a shard must be a plain .tar, for what is compressed has no places to go to"
        raise DataError(f"{path} cannot be read as tar: {said}", remedy=remedy) from error
    return found


def _check_name(path: Path, name: str) -> None:
    parts = name.split("/")
    if not name.isprintable() or "\\" in name or any(part in {"", ".", ".."} for part in parts) or ":" in parts[0]:
        raise _refused(path, f"the name {name!r} leads out of it, or is none")


def _refused(path: Path, said: str, remedy: str = "write the shard again with regular files alone") -> DataError:
    return DataError(f"{path} is refused: {said}", remedy=remedy)
