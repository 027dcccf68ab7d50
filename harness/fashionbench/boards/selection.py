"""Which records a board is made of: for each row, task and seed the newest that measured, and the failures after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.records.order import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fashionbench.records.schema import Record

#: What makes two records stand in one row: backend, options, who measured, after how many items the run was cut, what
#: embeddings were rounded to, and of imports the file, where one name stands for several.
RowKey = tuple[str, str, str, "int | None", str, str]


def row_keys(records: Iterable[Record]) -> Callable[[Record], RowKey]:
    """Return what tells the row of each of these records.

    A limited run has a row of its own: its value is over other items, and joins no value over all of them. So has a run
    that rounds embeddings. An imported row is told by its name, since a file answers one task; two files of one name on
    one task are two rows, by hash.
    """
    files: dict[tuple[object, ...], set[str]] = {}
    for record in records:
        if record.attestation == "imported":
            files.setdefault((*_name(record), record.task.id), set()).add(record.backend.revision)
    shared = {place[:-1] for place, hashes in files.items() if len(hashes) > 1}
    return lambda record: (*_name(record), record.backend.revision if _name(record) in shared else "")


def trained_with_its_seed(record: Record) -> bool:
    """Tell whether the model was trained on demand with the seed of the cell."""
    training = record.training
    return bool(training and training.apart_from_seed and training.config.get("seed", 0) == record.decoding.seed)


def configuration_of(record: Record) -> str:
    """Return the hash of a backend's options; of a model that was trained on demand with the cell's seed, without it.

    So seeds of one training are seeds of one row. A training whose configuration names another seed than that of the
    cell is a row of its own.
    """
    training = record.training
    if training is None or not trained_with_its_seed(record):
        return record.backend.config_hash
    options = record.backend.options
    own = {"trainer": training.trainer, "training": training.training}
    return digest({name: training.apart_from_seed if value == own else value for name, value in options.items()})


def _name(record: Record) -> tuple[str, str, str, int | None, str]:
    decoding = record.decoding
    return record.backend.id, configuration_of(record), record.attestation, decoding.limit, decoding.embedding_dtype


def system_of(record: Record) -> tuple[object, ...]:
    """Return what makes records of one task be of one system: its row, its file where it was imported, and its seed."""
    file = record.backend.revision if record.attestation == "imported" else ""
    return *_name(record), file, record.decoding.seed


def place_of(record: Record) -> tuple[object, ...]:
    """Return what makes records stand in one place of a board, of which the newest is shown."""
    fingerprint = record.dataset.fingerprint if record.dataset else ""
    return *system_of(record), record.task.id, record.protocol.hash, fingerprint


def selected(records: Iterable[Record]) -> list[Record]:
    """Keep what a board shows.

    Of each row, task, seed, protocol and data the newest record stands for itself alone: where it lacks a metric, no
    older record lends it one. An older record keeps the values that the newest has too, by another implementation; they
    go to a table of their own. A failure is kept where nothing was measured after it. An import that failed measured
    nothing and leaves no row.
    """
    measured: dict[tuple[object, ...], list[Record]] = {}
    failed: dict[tuple[object, ...], Record] = {}
    last: dict[tuple[object, ...], Record] = {}
    ordered = in_order(records)
    age = {id(record): place for place, record in enumerate(ordered)}
    for record in ordered:
        place = (*system_of(record), record.task.id)
        if record.status != "error":
            measured.setdefault(place_of(record), []).append(record)
            last[place] = record
        elif record.attestation != "imported":
            failed[place] = record
    kept = [record for group in measured.values() for record in _distinct(group)]
    kept += [record for place, record in failed.items() if place not in last or age[id(record)] > age[id(last[place])]]
    return kept


def _distinct(group: list[Record]) -> list[Record]:
    """Keep the newest record whole, and of older ones the values of other implementations."""
    newest = group[-1]
    seen = {(part.id, part.slice, part.implementation) for part in newest.metrics}
    has = {(part.id, part.slice) for part in newest.metrics}
    kept = [newest]
    for record in reversed(group[:-1]):
        others = tuple(
            part
            for part in record.metrics
            if (part.id, part.slice) in has and (part.id, part.slice, part.implementation) not in seen
        )
        if others:
            seen |= {(part.id, part.slice, part.implementation) for part in others}
            kept.append(record.model_copy(update={"metrics": others}))
    return kept
