"""What the history page of a board shows: values that have changed, as lines that break where measuring did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.text import figure
from fashionbench_leaderboards.site.drawings import line_drawing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.history import ColumnHistory, Line
    from fashionbench_leaderboards.site.links import Links


def history_context(columns: Sequence[ColumnHistory], links: Links) -> dict[str, object]:
    """Gather what the template of a history page asks for."""
    return {"columns": [_column(column, links) for column in columns]}


def _column(column: ColumnHistory, links: Links) -> dict[str, object]:
    name = column.column.label or f"{column.column.task} {column.column.metric}"
    arrow = "↑" if column.higher_is_better else "↓"
    group = f"{column.column.group}: " if column.column.group else ""
    return {"title": f"{group}{name} {arrow}", "lines": [_line(line, column.unit, links) for line in column.lines]}


def _line(line: Line, unit: str, links: Links) -> dict[str, object]:
    points = [
        {"date": p.date, "text": figure(p.value, unit), "breaks": p.breaks, "href": links.record(p.record)}
        for p in line.points
    ]
    parts: list[list[float]] = []
    for point in line.points:
        if point.breaks or not parts:
            parts.append([])
        parts[-1].append(point.value)
    said = ", ".join(f"{point['date']} {point['text']}" for point in points)
    return {"label": line.label, "seed": line.seed, "points": points, "drawing": line_drawing(parts, said)}
