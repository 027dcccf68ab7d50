"""Records without absolute paths, as they are published."""

from __future__ import annotations

from typing import Any

from fashionbench.records.path_names import without_paths
from fashionbench.records.schema import Record

#: Names and hashes that say what was measured; none holds a path, and changing one would make it another thing.
_KEPT = frozenset({"record_id", "cell", "protocol", "schema_version", "supersedes", "metrics", "chain"})


def record_without_paths(record: Record) -> Record:
    """Return a record in whose texts absolute paths are cut; itself, where there is none."""
    fields = record.model_dump(mode="json")
    cut = {name: value if name in _KEPT else _cut(value) for name, value in fields.items()}
    return record if cut == fields else Record.model_validate(cut)


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return without_paths(value)
    if isinstance(value, dict):
        return {without_paths(name): _cut(inner) for name, inner in value.items()}
    return [_cut(inner) for inner in value] if isinstance(value, list) else value
