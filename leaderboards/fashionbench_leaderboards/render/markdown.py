"""Boards as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.references import EXPLANATION, HEADING, reported_rows
from fashionbench.boards.text import (
    RANKS,
    how_measured,
    how_tested,
    is_among_best,
    legend,
    number,
    standing,
    tested_heading,
    uncertainty,
)
from fashionbench_leaderboards.markdown_escape import escape

if TYPE_CHECKING:
    from fashionbench.boards import Board, Table


def render(board: Board) -> str:
    """Write every table, with its marks, the reasons for missing values, and by what it is comparable."""
    lines = [f"# {escape(board.spec.title)}", ""]
    if not board.complete:
        lines += [f"**Incomplete**: {len(board.faults)} files of the store could not be used.", ""]
    for table in board.tables:
        if table.title != board.spec.title:
            lines += [f"## {escape(table.title)}", "", *([escape(table.note), ""] if table.note else [])]
        lines += _rows(table)
        lines += [f"- `{mark}`: {text}" for mark, text in legend(table).items()]
        tested = how_tested(table)
        lines += [f"- {escape(line)}" for line in ([RANKS, *tested] if tested else [])]
        lines += [f"- {escape(reason)}" for reason in _reasons(table)]
        lines.append("")
    lines += ["Fractions in per cent, with 95 % intervals over items. Comparable by:", ""]
    lines += [f"- {line}" for line in how_measured(board)]
    lines += [f"- left out: {escape(fault.path.name)}: {escape(fault.message)}" for fault in board.faults]
    lines += _reported(board)
    return "\n".join(lines).rstrip() + "\n"


def _rows(table: Table) -> list[str]:
    lines = [
        "| backend | " + " | ".join(escape(tested_heading(table, at)) for at in range(len(table.heads))) + " |",
        "| --- |" + " ---: |" * len(table.heads),
    ]
    for place, row in enumerate(table.rows):
        marks = "".join(f" `{mark}`" for mark in row.marks)
        if row.attestation != "measured":
            marks += f" `{row.attestation}`"
        cells = [_cell(table, place, at) for at in range(len(table.heads))]
        marks += f" ({row.coverage} columns)" if row.coverage else ""
        lines.append(f"| {escape(row.label)}{marks} | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _cell(table: Table, row: int, column: int) -> str:
    value = table.rows[row].values[column]
    text = escape(number(value))
    rest = escape("; ".join(part for part in (uncertainty(value), standing(table, row, column)) if part))
    return f"{f'**{text}**' if is_among_best(table, row, column) else text} {rest}".strip()


def _reported(board: Board) -> list[str]:
    """Write the published numbers as texts, one line a row of a source."""
    if not board.references:
        return []
    lines = ["", f"## {HEADING}", "", EXPLANATION, ""]
    lines += ["| system | as printed | source | evidence | known | not known | caveat |", "|" + " --- |" * 7]
    for row in reported_rows(board.references):
        cells = (row.system, row.numbers, row.source, row.evidence, row.known, row.unknown, row.caveat)
        lines.append("| " + " | ".join(escape(cell) for cell in cells) + " |")
    return lines


def _reasons(table: Table) -> list[str]:
    return [
        f"{row.label}, {head.label}: {said}"
        for row in table.rows
        for head, value in zip(table.heads, row.values, strict=True)
        for said in (value.reason, value.note)
        if said
    ]
