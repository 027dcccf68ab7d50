"""How the values of a board changed: every earlier value of a row, and where the way of measuring did."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.boards.labels import row_label
from fashionbench.boards.signature import signature_of
from fashionbench.records.order import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.table import Signature
    from fashionbench.records.schema import Record
    from fashionbench.specs import BoardSpec, Column


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A value at a time.

    :param breaks: whether it was measured otherwise than the value before it, with which it must not be compared.
    """

    date: str
    value: float
    record: str
    breaks: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The values of a row in a column, oldest first; of one seed."""

    label: str
    seed: int
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnHistory:
    """The lines of a column that have more than one value."""

    column: Column
    unit: str
    higher_is_better: bool
    lines: tuple[Line, ...]


def history_of(spec: BoardSpec, records: Sequence[Record]) -> tuple[ColumnHistory, ...]:
    """Follow the values of each column through the records of a store, those that were superseded among them.

    A row is followed by its label and seed; a value that was measured again without a change is no new point. Columns
    in which nothing changed are left out.
    """
    found: list[ColumnHistory] = []
    for column in spec.columns:
        own = [r for r in records if r.task.id == column.task and r.metric(column.metric, column.slice) is not None]
        rows: dict[tuple[str, int], list[Record]] = defaultdict(list)
        for record in in_order(own):
            rows[row_label(record, own), record.decoding.seed].append(record)
        lines = [
            Line(label=label, seed=seed, points=points)
            for (label, seed), group in sorted(rows.items())
            if len(points := _points(column, group)) > 1
        ]
        if lines:
            part = own[0].metric(column.metric, column.slice)
            assert part is not None  # noqa: S101
            better = part.higher_is_better
            found.append(ColumnHistory(column=column, unit=part.unit, higher_is_better=better, lines=tuple(lines)))
    return tuple(found)


def _points(column: Column, records: Sequence[Record]) -> tuple[Point, ...]:
    points: list[Point] = []
    before: tuple[Signature | None, float] | None = None
    for record in records:
        part = record.metric(column.metric, column.slice)
        assert part is not None  # noqa: S101
        now = signature_of(column, record), part.value
        if now != before:
            breaks = before is not None and now[0] != before[0]
            date = record.provenance.ended[:10]
            points.append(Point(date=date, value=part.value, record=record.record_id, breaks=breaks))
        before = now
    return tuple(points)
