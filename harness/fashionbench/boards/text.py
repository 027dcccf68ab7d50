"""How a board speaks to people: numbers, marks, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.canonical import short

if TYPE_CHECKING:
    from fashionbench.boards.board import Board
    from fashionbench.boards.table import Head, Table, Value


def number(value: Value) -> str:
    """Write a value: a fraction in per cent with one decimal, anything else with four digits; a gap as a dash."""
    return "–" if value.value is None else _figure(value.value, value.unit)


def uncertainty(value: Value) -> str:
    """Write the 95 % interval, or the spread over seeds, or nothing."""
    if value.interval is not None:
        low, high = value.interval
        return f"[{_figure(low, value.unit)}, {_figure(high, value.unit)}]"
    if value.spread is not None:
        return f"± {_figure(value.spread, value.unit)} ({value.seeds} seeds)"
    return ""


def heading(head: Head) -> str:
    """Write a column's name with the direction in which it is better."""
    return f"{head.label} {'↑' if head.higher_is_better else '↓'}"


def legend(table: Table) -> dict[str, str]:
    """List the marks that a table uses, with their meaning."""
    used = {mark for row in table.rows for mark in row.marks}
    return {mark: text for mark, text in MARKS.items() if mark in used}


def how_measured(board: Board) -> list[str]:
    """Say by what each column of the board is comparable, and over how many items its values are."""
    lines: list[str] = []
    numbers: dict[str, set[int]] = {}
    for table in (table for table in board.tables if table.main):
        for at, head in enumerate(table.heads):
            found = {row.values[at].n for row in table.rows if row.values[at].value is not None}
            numbers.setdefault(head.column.task, set()).update(found)
    seen: set[str] = set()
    for head in (head for table in board.tables if table.main for head in table.heads):
        if head.signature is None or head.column.task in seen:
            continue
        seen.add(head.column.task)
        protocol, fingerprint = short(head.signature.protocol), short(head.signature.fingerprint)
        n = numbers[head.column.task]
        over = f", n {' to '.join(f'{count:,}' for count in sorted({min(n), max(n)}))}" if n else ""
        lines.append(f"{head.column.task}: protocol {protocol}, data {fingerprint}{over}")
    return lines


def _figure(value: float, unit: str) -> str:
    return f"{100 * value:.1f}" if unit == "fraction" else f"{value:.4g}"
