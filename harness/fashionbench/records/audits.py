"""What an audit of a task found, apart from any backend."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from fashionbench import files
from fashionbench.canonical import short
from fashionbench.errors import DataError, StoreError
from fashionbench.files import slug
from fashionbench.json_reader import read_object

if TYPE_CHECKING:
    from fashionbench.records.store import Store

Verdict = Literal["clean", "leak", "not probed"]
Level = Literal["ok", "note", "fault"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; ``level`` is ``ok``, ``note`` for what a reader should know, or ``fault``."""

    name: str
    level: Level
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of findings."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Audit:
    """The findings on one task.

    :param evidence: a hash of what was looked at.
    :param facts: the numbers behind the sheets, as plain data.
    """

    task: str
    verdict: Verdict
    evidence: str
    checks: tuple[Check, ...]
    sheets: tuple[Sheet, ...]
    facts: dict[str, Any]

    @property
    def sound(self) -> bool:
        """Whether there is neither a fault nor a leak."""
        return self.verdict != "leak" and all(check.level != "fault" for check in self.checks)

    def summary(self) -> str:
        """Say it in one line."""
        faults = [check.name for check in self.checks if check.level == "fault"]
        return f"audit {short(self.evidence)}: {self.verdict}" + (f"; faults: {', '.join(faults)}" if faults else "")


def keep(audit: Audit, store: Store) -> None:
    """Store an audit; records of the task that are made later carry its summary."""
    path = store.root / "audits" / f"{slug(audit.task)}.json"
    files.write_text(
        path, json.dumps({**asdict(audit), "summary": audit.summary()}, indent=1, ensure_ascii=False) + "\n"
    )


def kept(task: str, store: Store) -> str:
    """Return the summary of the last audit of a task, or nothing.

    :raises StoreError: where the file is damaged.
    """
    path = store.root / "audits" / f"{slug(task)}.json"
    if not path.is_file():
        return ""
    try:
        return str(read_object(path)["summary"])
    except (OSError, DataError, KeyError) as error:
        said = str(error).removeprefix(f"{path} is damaged: ")
        raise StoreError(f"{path} is damaged: {said}", remedy="delete it and audit again") from error
