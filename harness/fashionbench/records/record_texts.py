"""Records whose texts are fit to be kept and published: no secret, no path of a machine, no control character."""

from __future__ import annotations

from typing import Any

from fashionbench.records.schema import Record
from fashionbench.records.stored_text import clean_text, stored_text

#: Names and hashes that say what was measured; none holds a text of somebody's own, and changing one would make it
#: another thing.
_KEPT = frozenset({"record_id", "cell", "protocol", "schema_version", "supersedes", "chain"})
#: Names of slices come from the data, and may look like a path.
_WITH_PATHS = frozenset({"metrics"})


def record_with_clean_texts(record: Record) -> Record:
    """Return a record with clean texts, under its id; itself, where all are."""
    fields = record.model_dump(mode="json")
    cleaned = {name: value if name in _KEPT else _cleaned(value, name in _WITH_PATHS) for name, value in fields.items()}
    return record if cleaned == fields else Record.model_validate(cleaned)


def _cleaned(value: Any, paths: bool) -> Any:  # noqa: FBT001
    if isinstance(value, str):
        return clean_text(value) if paths else stored_text(value)
    if isinstance(value, dict):
        return {_cleaned(name, paths): _cleaned(inner, paths) for name, inner in value.items()}
    return [_cleaned(inner, paths) for inner in value] if isinstance(value, list) else value
