"""What the page of a record shows: how one backend did on one task, with everything that decided it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.boards.text import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.boards import Board, Row
    from fashionbench.boards.publication import Publication
    from fashionbench.records.schema import MetricPart, Record
    from fashionbench_leaderboards.site.links import Links


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record stands: rows of boards, and these boards, each once."""

    rows: list[Row] = field(default_factory=list)
    boards: list[Board] = field(default_factory=list)


def places(publication: Publication) -> dict[str, Place]:
    """Find where each record stands, by its id."""
    found: dict[str, Place] = {}
    for board in publication.boards:
        for row in (row for table in board.tables for row in table.rows):
            for name in dict.fromkeys(name for value in row.values for name in value.records):
                place = found.setdefault(name, Place())
                place.rows.append(row)
                if not place.boards or place.boards[-1] is not board:
                    place.boards.append(board)
    return found


def record_context(record: Record, place: Place, publication: Publication, links: Links) -> dict[str, object]:
    """Gather what the template of a record's page asks for."""
    rows = place.rows
    marks = {mark for row in rows for mark in row.marks}
    return {
        "record": record,
        "labels": list(dict.fromkeys(row.label for row in rows)) or [record.backend.id],
        "marks": {mark: text for mark, text in MARKS.items() if mark in marks},
        "boards": {board.spec.title: links.board(board.spec.id) for board in place.boards},
        "metrics": [_metric(part) for part in record.metrics],
        "options": {name: _text(value) for name, value in sorted(record.backend.options.items())},
        "cost": _cost(record),
        "examples": publication.examples.get(record.record_id),
        "text": _text,
    }


def _metric(part: MetricPart) -> Mapping[str, str]:
    interval = " to ".join(figure(end, part.unit) for end in part.interval) if part.interval else ""
    if not interval and part.standard_error is not None:
        interval = f"± {figure(part.standard_error, part.unit)} (standard error)"
    return {
        "name": part.id,
        "slice": part.slice,
        "value": ("≥ " if part.bound == "lower" else "") + figure(part.value, part.unit),
        "unit": {"fraction": "%", "rank": "", "count": ""}.get(part.unit, part.unit),
        "direction": "↑" if part.higher_is_better else "↓",
        "interval": interval,
        "n": str(part.n),
        "method": part.interval_method,
        "implementation": part.implementation,
    }


def _cost(record: Record) -> dict[str, str]:
    cost, decoding = record.cost, record.decoding
    memory = "" if cost.peak_memory_bytes is None else f"{cost.peak_memory_bytes / 2**20:,.0f} MiB"
    found = {
        "time": f"{cost.wall_s:.1f} s",
        "items": f"{cost.items:,}, {cost.items_per_s:,.1f} a second",
        "largest memory of the process": memory,
        "device": decoding.device,
        "embeddings rounded to": "" if decoding.embeddings is None else decoding.embeddings.dtype,
        "embeddings from the cache": f"{decoding.cached:,}" if decoding.cached else "",
        "parameters": "" if record.backend.parameters is None else f"{record.backend.parameters:,}",
    }
    return {name: text for name, text in found.items() if text}


def _text(value: object) -> str:
    """Write a value of options or cards: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
