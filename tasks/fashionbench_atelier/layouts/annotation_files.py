"""Write annotation files, the same bytes on every system."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of UTF-8 text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def write_json(path: Path, value: object) -> None:
    """Write a JSON file."""
    write_lines(path, [json.dumps(value, ensure_ascii=False)])


def write_json_lines(path: Path, entries: Iterable[Mapping[str, object]]) -> None:
    """Write a JSON Lines file."""
    write_lines(path, (json.dumps(entry, ensure_ascii=False) for entry in entries))
