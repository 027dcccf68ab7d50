"""Values under names that stay the same from run to run, as tools that keep a history of values need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fashionbench.canonical import digest, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import MetricPart, Record


class Point(NamedTuple):
    """A value, with the name of what it belongs to."""

    name: str
    part: MetricPart
    record: Record


def points(records: Sequence[Record]) -> tuple[list[Point], list[str]]:
    """Name every value of the records, and say which have none.

    Of two records that differ in the implementation of a metric alone, the newer one's value is taken: a series has one
    value a run.
    """
    found: dict[tuple[str, str], Point] = {}
    left_out: list[str] = []
    for record in sorted(records, key=lambda r: (r.provenance.ended, r.record_id), reverse=True):
        if record.error is not None:
            left_out.append(f"{record.task.id} × {record.backend.id}: failed: {record.error.message}")
        left_out += [
            f"{record.task.id} × {record.backend.id}, {absent.id}: absent: {absent.reason}" for absent in record.absent
        ]
        for part in record.metrics:
            name = series_name(record, part)
            if found.setdefault((name, part.id), Point(name, part, record)).record is not record:
                left_out.append(f"{name}, {part.id}: an older record of the same series ({short(record.record_id)})")
    ordered = [found[key] for key in sorted(found)]
    return ordered, sorted(left_out)


def series_name(record: Record, part: MetricPart) -> str:
    """Name what values may follow each other: task, slice, way of measuring, backend, its options, and the seed.

    Another protocol or other data begin another series.
    """
    fingerprint = record.dataset.fingerprint if record.dataset else ""
    way = short(digest([record.protocol.hash, fingerprint]), 8)
    task = record.task.id + ("" if part.slice == "all" else f" [{part.slice}]")
    return f"{task} @{way} | {system_name(record)} | seed {record.decoding.seed}"


def system_name(record: Record) -> str:
    """Name a backend, with a hash of its options where it has some; what was not measured here says so."""
    name = record.backend.id
    if record.backend.options:
        name += f"#{short(record.backend.config_hash, 8)}"
    if record.decoding.limit is not None:
        name += f" limit={record.decoding.limit}"
    if record.decoding.embeddings is not None:
        name += f" embedding_dtype={record.decoding.embedding_dtype}"
    return name + ("" if record.attestation == "measured" else f" ({record.attestation})")
