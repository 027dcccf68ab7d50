"""Read annotation files, and say which line of which file is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError, first_names
from fashionbench.files import regular_text
from fashionbench.json_reader import parse_json
from fashionbench_tasks.datasets.image_folder import actual

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def first_of(root: Path, names: Sequence[str], what: str) -> Path:
    """Return the first of several places that exists, in whatever case it is written.

    :raises DataError: where none does; the message lists them, and what is there instead.
    """
    for name in names:
        place = actual(root, name)
        if place.exists():
            return place
    there = sorted(path.name for path in root.iterdir()) if root.is_dir() else []
    deeper = [path.name for path in _folders(root) if any(actual(path, name).exists() for name in names)]
    remedy = "check the layout with 'fashionbench data status'"
    if deeper:
        remedy = f"it lies one level deeper: name {root / deeper[0]}"
    holds = f"it holds {first_names(there)}" if there else "it is empty"
    raise DataError(f"{root} has no {what}; looked for {', '.join(names)}; {holds}", remedy=remedy)


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []


def unwrapped(root: Path, names: Sequence[str]) -> Path:
    """Return the folder that holds the first of some places: the root, or the only folder in it that has one.

    An archive is often unpacked into a folder of its own.
    """
    if any(actual(root, name).exists() for name in names):
        return root
    deeper = [path for path in _folders(root) if any(actual(path, name).exists() for name in names)]
    return deeper[0] if len(deeper) == 1 else root


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, with or without a byte order mark.

    :raises DataError: where it is missing or is not UTF-8.
    """
    try:
        return regular_text(path, "utf-8-sig")
    except FileNotFoundError as error:
        there = sorted(one.name for one in path.parent.iterdir()) if path.parent.is_dir() else []
        holds = f"holds {first_names(there)}" if there else "is empty, or is not there"
        msg = f"{path} cannot be read: {error.strerror}; its folder {holds}"
        raise DataError(msg, remedy="fetch the annotation file, or choose a task of what is there") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", remedy="fetch the annotation file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}", remedy="fetch the annotation file again") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    :raises DataError: where it is missing, is not JSON, or a key stands twice in one of its objects.
    """
    try:
        return parse_json(read_text(path), str(path))
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}", remedy="fetch the annotation file again") from error


def read_entries(path: Path, keys: dict[str, type | tuple[type, ...]]) -> list[dict[str, Any]]:
    """Read a JSON list of objects and check the type of each named key.

    :raises DataError: naming the entry and the key.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise DataError(f"{path} holds no list", remedy="fetch the annotation file again")
    for number, entry in enumerate(entries):
        check_entry(path, number, entry, keys)
    return entries


def read_lines(path: Path, keys: dict[str, type | tuple[type, ...]]) -> Iterator[dict[str, Any]]:
    """Read a JSON Lines file and check the type of each named key.

    :raises DataError: naming the line and the key.
    """
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            entry = parse_json(line, f"{path}, line {number}")
        except ValueError as error:
            raise DataError(f"{path}, line {number} is not JSON: {error}", remedy="mend or drop the line") from error
        check_entry(path, number, entry, keys)
        yield entry


def check_entry(path: Path, number: int, entry: object, keys: dict[str, type | tuple[type, ...]]) -> None:
    """Check one entry of an annotation file.

    :raises DataError: naming the entry and the key.
    """
    if not isinstance(entry, dict):
        raise DataError(f"{path}, entry {number} is no object", remedy="mend or drop the entry")
    for key, kind in keys.items():
        if not isinstance(entry.get(key), kind):
            actual = type(entry[key]).__name__ if key in entry else "nothing"
            raise DataError(f"{path}, entry {number}: {key!r} is {actual}", remedy="mend or drop the entry")
