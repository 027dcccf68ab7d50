"""The chain of a store: each record and mark names the entries before it, so that one that was deleted is missed.

An entry names those that nobody named when it was written: one, or several where writers ran side by side, whose
branches the next entry joins. What stands in an entry is part of its hash, so none can be taken out, put in or moved
without changing all that follow. The newest entries are named by none yet; ``chain.jsonl`` lists every entry, a line
each, for them, and so that a writer need not read all records. It can be made again of the entries.
"""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from fashionbench.errors import DataError
from fashionbench.files import regular_bytes
from fashionbench.json_reader import read_object
from fashionbench.records.base import Model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: The file in a store that lists the entries of its chain.
FILE = "chain.jsonl"
#: How many digits of an id the name of a record's file has, and how many of a mark's.
RECORD_DIGITS, MARK_DIGITS = 20, 12


class ChainPart(Model):
    """The place of a record or mark in the chain of the store that it was written to."""

    first: str = ""
    """The first entry of the chain; empty in that entry itself."""
    before: tuple[str, ...] = ()
    """The entries that were the last ones when it was written."""
    position: int = Field(ge=1)
    """One more than the greatest position before it; what came later has a greater one, whatever clocks say."""


class _Line(Model):
    """A line of the list of entries."""

    id: str
    chain: ChainPart


class Chain:
    """The entries of a store, as its list and its files name them.

    :param root: the folder of the store.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parts: dict[str, ChainPart] = {}
        self._named: set[str] = set()
        self._read = 0
        self._looked = False

    @property
    def path(self) -> Path:
        """The list of entries."""
        return self._root / FILE

    def next(self) -> ChainPart:
        """Return the place of an entry that is written now, after all that no other entry names."""
        content = self._content()
        start = self._read if self._read <= len(content) else 0
        self._read = content.rfind(b"\n") + 1  # a line that another writer is at is read next time
        for line, _, _ in _lines(content[start : self._read]):
            if line is not None:
                self._learn(line.id, line.chain)
        self._learn_unlisted()
        last = sorted(self._parts.keys() - self._named)
        if not last:
            return ChainPart(position=1)
        newest = max(last, key=lambda name: (self._parts[name].position, name))
        first = self._parts[newest].first or newest
        return ChainPart(first=first, before=tuple(last), position=self._parts[newest].position + 1)

    def append(self, entry: str, part: ChainPart) -> None:
        """List an entry whose file is written.

        :raises OSError: where the list cannot be written; the next writer then finds the entry by its file.
        """
        self._learn(entry, part)
        line = json.dumps({"id": entry, "chain": part.model_dump(mode="json")}).encode() + b"\n"
        self._root.mkdir(parents=True, exist_ok=True)
        # One write at the end of the file, which other writers do not cut in two.
        with self.path.open("ab+", buffering=0) as file:
            size = file.tell()
            if size and _last_byte(file) != b"\n":
                line = b"\n" + line
            try:
                if file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))  # noqa: TRY301
                os.fsync(file.fileno())
            except OSError:
                file.truncate(size)  # half a line would look like damage
                raise

    def listed(self) -> tuple[dict[str, ChainPart], dict[int, str]]:
        """Read the whole list; return its entries, and what is wrong with lines by their number."""
        found: dict[str, ChainPart] = {}
        wrong: dict[int, str] = {}
        try:
            content = self._content()
        except OSError as error:  # what is no file, such as a FIFO
            return {}, {0: error.strerror or str(error)}
        for line, number, said in _lines(content):
            if line is None:
                wrong[number] = said
            else:
                found[line.id] = line.chain
        return found, wrong

    def _content(self) -> bytes:
        try:
            return regular_bytes(self.path)
        except FileNotFoundError:
            return b""

    def _learn(self, entry: str, part: ChainPart) -> None:
        self._parts[entry] = part
        self._named.update(part.before)

    def _learn_unlisted(self) -> None:
        """Find entries that were written and not listed, as by a writer that was killed between the two; list them."""
        if self._looked:
            return
        self._looked = True
        known = {digits(name, size) for name in self._parts for size in (RECORD_DIGITS, MARK_DIGITS)}
        files = [path for path in (self._root / "records").rglob("*.json") if path.stem not in known]
        files += [path for path in (self._root / "marks").glob("*.json") if path.stem.rpartition("-")[2] not in known]
        found = [(name, part) for path in files for name, part in _entry(path)]
        for name, part in sorted(found, key=lambda entry: (entry[1].position, entry[0])):
            if name not in self._parts:
                self.append(name, part)


def digits(entry: str, count: int) -> str:
    """Return the first hexadecimal digits of an id."""
    return entry.removeprefix("sha256:")[:count]


def _entry(path: Path) -> Iterator[tuple[str, ChainPart]]:
    """Read id and place of a record or mark; nothing of one that is damaged, or has no place."""
    try:
        fields: dict[str, Any] = read_object(path)
        name = fields.get("record_id" if path.parent.name != "marks" else "mark_id")
        if isinstance(name, str) and name and fields.get("chain"):
            yield name, ChainPart.model_validate(fields["chain"])
    except (OSError, DataError, ValidationError):
        return


def _lines(content: bytes) -> Iterator[tuple[_Line | None, int, str]]:
    """Read entries with the numbers of their lines; a line that is none gives None, with the reason."""
    for number, text in enumerate(content.split(b"\n"), 1):
        if text.strip():
            try:
                yield _Line.model_validate_json(text), number, ""
            except ValidationError as error:
                yield None, number, str(error.errors()[0]["msg"])


def _last_byte(file: Any) -> bytes:
    file.seek(-1, os.SEEK_END)
    last: bytes = file.read(1)
    return last
