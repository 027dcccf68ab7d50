"""Read JSON that others wrote, where a key that stands twice in one object is an error."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.files import regular_text

if TYPE_CHECKING:
    from pathlib import Path


def parse_json(text: str, place: str) -> Any:
    """Parse a JSON text; the parser of the standard library keeps the last of two values of a key without a word.

    :param place: the file, or the line of one, for a message.
    :raises ValueError: where the text is not JSON.
    :raises DataError: naming the key that stands twice in one object.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entry: dict[str, Any] = {}
        for name, value in pairs:
            if name in entry:
                told = f"{_short(entry[name])} and {_short(value)}"
                raise DataError(f"{place}: the key {name!r} stands twice in one object: {told}", remedy="keep one")
            entry[name] = value
        return entry

    return loads(text, object_pairs_hook=once)


def loads(text: str | bytes, **options: Any) -> Any:
    """Parse JSON as the standard library does, where what is nested too deeply is no JSON either.

    :raises ValueError: where the text is not JSON.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:40]}…"


def read_object(path: Path) -> dict[str, Any]:
    """Read a file of one JSON object, as a program wrote it: UTF-8, no key twice, no NaN and no infinity.

    :raises DataError: naming the file and what is wrong with it.
    :raises OSError: where it cannot be read.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"it holds {constant}, which is no number of JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        entry = dict(pairs)
        if len(entry) != len(pairs):
            raise ValueError("a key stands twice in one object")
        return entry

    try:
        loaded = loads(regular_text(path), object_pairs_hook=once, parse_constant=refuse)
    except ValueError as error:
        raise DataError(f"{path} is damaged: {error}") from error
    if not isinstance(loaded, dict):
        raise DataError(f"{path} is damaged: it holds no JSON object")
    return loaded
