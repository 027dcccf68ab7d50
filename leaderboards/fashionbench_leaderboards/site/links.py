"""Addresses of the pages of a site, relative to the page that they stand on."""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

from fashionbench.files import slug

#: Names that some systems keep for devices.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})


def file_name(name: str) -> str:
    """Return the file name of a page without its suffix: other names have others, also where case does not count.

    A name that some file system takes for another one gets a hash of itself behind it: one with capitals, or in another
    Unicode form than the usual one.
    """
    plain = unicodedata.normalize("NFC", name).casefold()
    made = slug(name)
    if plain == name and made not in _DEVICES:
        return made
    return f"{slug(plain)[:180]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def board_path(board: str) -> str:
    """Return the page of a board."""
    return f"boards/{file_name(board)}.html"


def history_path(board: str) -> str:
    """Return the page of a board's history."""
    return f"history/{file_name(board)}.html"


def record_path(record: str) -> str:
    """Return the page of a record."""
    return f"records/{record.removeprefix('sha256:')[:20]}.html"


def backend_path(backend: str) -> str:
    """Return the page of a backend."""
    return f"backends/{file_name(backend)}.html"


def task_path(task: str) -> str:
    """Return the page of a task."""
    return f"tasks/{file_name(task)}.html"


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses from one page to others; none where a page stands alone.

    :param root: the way to the site's folder, such as ``../``; None for a page without a site.
    :param records: ids of the records that have a page.
    """

    root: str | None = None
    records: frozenset[str] = frozenset()

    def board(self, name: str) -> str:
        """Return the address of a board."""
        return self._to(board_path(name))

    def history(self, name: str) -> str:
        """Return the address of a board's history."""
        return self._to(history_path(name))

    def record(self, name: str) -> str:
        """Return the address of a record; nothing where it has no page."""
        return self._to(record_path(name)) if name in self.records else ""

    def backend(self, name: str) -> str:
        """Return the address of a backend."""
        return self._to(backend_path(name))

    def task(self, name: str) -> str:
        """Return the address of a task."""
        return self._to(task_path(name))

    def _to(self, path: str) -> str:
        return "" if self.root is None else self.root + quote(path)
