"""What records say apart from time and machine: two runs of one configuration say the same."""

from __future__ import annotations

from typing import Any


def timeless(record) -> dict[str, Any]:
    """Return the fields of a record without its place in a store, its cost, and when, where and how it was started.

    How many embeddings came from a cache says what ran before, as the cost does.
    """
    fields = record.model_dump(mode="json")
    for name in ("record_id", "supersedes", "chain", "cost"):
        del fields[name]
    for name in ("started", "ended", "command", "platform", "processor", "cores"):
        del fields["provenance"][name]
    del fields["decoding"]["cached"]
    return fields


def timeless_store(store) -> dict[str, Any]:
    """Return the current records of a store by cell."""
    return {record.cell: timeless(record) for record in store.scan().current()}
