"""A later word on a record, in a file of its own: that it is invalid, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from fashionbench.canonical import digest
from fashionbench.errors import DataError, StoreError
from fashionbench.json_reader import read_object
from fashionbench.records.base import Model
from fashionbench.records.chain import MARK_DIGITS, RECORD_DIGITS, ChainPart, digits

if TYPE_CHECKING:
    from pathlib import Path


class Mark(Model):
    """A later word on a record."""

    mark_id: str = ""
    """``sha256:`` of the canonical JSON of everything else; empty in marks of before there were chains."""
    record_id: str
    kind: Literal["invalidated"] = "invalidated"
    reason: str
    time: str
    cell: str = ""
    """The cell of the record."""
    chain: ChainPart | None = None

    def sealed(self) -> Mark:
        """Return the mark with its id filled in."""
        return self.model_copy(update={"mark_id": _content_id(self.model_dump(mode="json"))})

    @property
    def file_name(self) -> str:
        """The name of its file, which says of which record it is and what it holds."""
        return f"{digits(self.record_id, RECORD_DIGITS)}-{digits(self.mark_id, MARK_DIGITS)}.json"


def read_mark(path: Path) -> Mark:
    """Read a mark.

    :raises StoreError: where it is not what its name says.
    :raises ValueError: where its fields are not those of a mark.
    :raises OSError: where it cannot be read.
    """
    try:
        fields = read_object(path)
    except DataError as error:
        raise StoreError(error.message) from error
    found = Mark.model_validate(fields)
    # A mark of before there were chains has the digest of all it holds in its name alone.
    content = _content_id(fields)
    named = found.model_copy(update={"mark_id": content}).file_name
    if found.mark_id not in {"", content} or path.name != named:
        raise StoreError("the content of the mark does not match its name: it was altered or damaged")
    return found


def _content_id(fields: dict[str, Any]) -> str:
    return digest({name: value for name, value in fields.items() if name != "mark_id"})
