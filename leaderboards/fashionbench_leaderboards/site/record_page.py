"""What the page of a record shows: how one backend did on one task, with everything that decided it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.boards.text import figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.boards.publication import Publication
    from fashionbench.records.schema import MetricPart, Record
    from fashionbench_leaderboards.site.links import Links


def record_context(record: Record, publication: Publication, links: Links) -> dict[str, object]:
    """Gather what the template of a record's page asks for."""
    rows = [row for b in publication.boards for t in b.tables for row in t.rows if _holds(row.values, record)]
    marks = {mark for row in rows for mark in row.marks}
    boards = [b for b in publication.boards if any(_holds(r.values, record) for t in b.tables for r in t.rows)]
    return {
        "record": record,
        "labels": list(dict.fromkeys(row.label for row in rows)) or [record.backend.id],
        "marks": {mark: text for mark, text in MARKS.items() if mark in marks},
        "boards": {board.spec.title: links.board(board.spec.id) for board in boards},
        "metrics": [_metric(part) for part in record.metrics],
        "options": {name: _text(value) for name, value in sorted(record.backend.options.items())},
        "cost": _cost(record),
        "examples": publication.examples.get(record.record_id),
        "text": _text,
    }


def _holds(values: tuple[object, ...], record: Record) -> bool:
    return any(record.record_id in getattr(value, "records", ()) for value in values)


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
        "embeddings from the cache": f"{decoding.cached:,}" if decoding.cached else "",
        "parameters": "" if record.backend.parameters is None else f"{record.backend.parameters:,}",
    }
    return {name: text for name, text in found.items() if text}


def _text(value: object) -> str:
    """Write a value of options or cards: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
