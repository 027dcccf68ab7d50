"""Which record is newer, and which one stands for its cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from fashionbench.records.schema import Record

_RANK = {"error": 0, "partial": 1, "ok": 2}


def in_order(records: Iterable[Record]) -> list[Record]:
    """Sort records oldest first.

    Within a chain its order decides, and never a clock: a record is no later than those that follow it. Records of
    several chains, as of several stores, are compared by time, and those without a chain come before all others.
    """
    ranked = list(records)
    time = _times(ranked)
    return sorted(ranked, key=lambda record: (record.chain is not None, time(record), *_place(record)))


def best(records: Iterable[Record]) -> Record | None:
    """Return the newest of the records that say most: whole ones before limited ones, and these before failures."""
    ordered = in_order(records)
    top = max((_RANK[record.status] for record in ordered), default=0)
    return next((record for record in reversed(ordered) if _RANK[record.status] == top), None)


def superseded(records: Sequence[Record]) -> set[str]:
    """Return the ids of the records that others supersede.

    A record supersedes one of its own cell alone, and one that failed supersedes failures alone; a failure gives way to
    what the cell measured after it.
    """
    known = {record.record_id: record for record in records}
    gone: set[str] = set()
    measured: set[tuple[str, ...]] = set()
    for record in reversed(in_order(records)):
        old = known.get(record.supersedes or "")
        if old is not None and not wrong_supersession(record, old):
            gone.add(old.record_id)
        if record.status != "error":
            measured.add(_cell(record))
        elif record.cell and _cell(record) in measured:
            gone.add(record.record_id)
    return gone


def wrong_supersession(record: Record, old: Record) -> str:
    """Say why a record cannot supersede another one; nothing where it can."""
    if _cell(record) != _cell(old):
        return "it is of another cell"
    if record.status == "error" and old.status != "error":
        return "a failure supersedes no result"
    return ""


def _cell(record: Record) -> tuple[str, ...]:
    return record.cell, record.task.id, record.backend.id


def _place(record: Record) -> tuple[int, str, str]:
    position = record.chain.position if record.chain else 0
    return position, record.provenance.ended, record.record_id


def _times(records: Sequence[Record]) -> Callable[[Record], str]:
    """Return the time of each record, which is no later than the time of any that follows it in its chain."""
    latest: dict[str, str] = {}
    times: dict[int, str] = {}  # by object, for a record that is not stored yet has no id
    for record in sorted(records, key=_place, reverse=True):
        time = record.provenance.ended
        if record.chain is not None:
            chain = record.chain.first or record.record_id
            time = latest[chain] = min(latest.get(chain, time), time)
        times[id(record)] = time
    return lambda record: times[id(record)]
