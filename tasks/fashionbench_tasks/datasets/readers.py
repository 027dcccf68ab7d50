"""Read annotation files, and say which line of which file is wrong."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def first_of(root: Path, names: Sequence[str], what: str) -> Path:
    """Return the first of several places that exists.

    :raises DataError: where none does; the message lists them.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    tried = ", ".join(names)
    raise DataError(
        f"{root} has no {what}; looked for {tried}", remedy="check the layout with 'fashionbench data status'"
    )


def read_text(path: Path) -> str:
    """Read a text file in UTF-8.

    :raises DataError: where it is missing or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", remedy="fetch the annotation file") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8: {error}", remedy="fetch the annotation file again") from error


def read_json(path: Path) -> Any:
    """Read a JSON file.

    :raises DataError: where it is missing or is not JSON.
    """
    try:
        return json.loads(read_text(path))
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
            entry = json.loads(line)
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
