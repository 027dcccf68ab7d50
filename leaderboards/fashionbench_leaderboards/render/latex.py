"""Boards as LaTeX tables for the package booktabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.latex_text import latex_text
from fashionbench.boards.text import RANKS, figure, how_tested, is_among_best, legend, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards import Board, Table
    from fashionbench.boards.table import Row, Value

_ARROWS = {True: r"$\uparrow$", False: r"$\downarrow$"}


def render(board: Board) -> str:
    """Write a ``tabular`` for each table, bold what cannot be told from the best; controls and limited runs apart."""
    parts = [f"% {board.spec.title}".replace("\n", " "), r"% \usepackage{booktabs}"]
    if not board.complete:
        parts.append(f"% incomplete: {len(board.faults)} files of the store could not be used")
    for table in board.tables:
        parts += ["", f"% {table.title}".replace("\n", " ")]
        if table.note:
            parts.append(f"% {table.note}".replace("\n", " "))
        parts += _tabular(table)
    return "\n".join(parts) + "\n"


def _tabular(table: Table) -> list[str]:
    ranked = [at for at, row in enumerate(table.rows) if not row.control and "partial" not in row.marks]
    apart = [at for at in range(len(table.rows)) if at not in ranked]
    bold = [_bold(table, ranked, column) for column in range(len(table.heads))]
    marks = {mark: "abcdefghijklmnopqrstuvwxyz"[at] for at, mark in enumerate(legend(table))}
    heads = [f"{latex_text(head.label)} {_ARROWS[head.higher_is_better]}" for head in table.heads]
    lines = [rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule", " & ".join(["", *heads]) + r" \\"]
    for rows in (ranked, apart):
        if rows:
            lines += [r"\midrule", *(_row(table.rows[at], [at in column for column in bold], marks) for at in rows)]
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"% $^{{{sign}}}$ {mark}: {legend(table)[mark]}" for mark, sign in marks.items()]
    tested = how_tested(table)
    return [*lines, *(f"% {line}" for line in tested), *([f"% {RANKS}"] if tested else [])]


def _row(row: Row, bold: Sequence[bool], marks: dict[str, str]) -> str:
    signs = ",".join(marks[mark] for mark in row.marks if mark in marks)
    name = latex_text(row.label) + (f"$^{{{signs}}}$" if signs else "")
    cells = [_cell(value, bold=wanted) for value, wanted in zip(row.values, bold, strict=True)]
    return " & ".join([name, *cells]) + r" \\"


def _cell(value: Value, *, bold: bool) -> str:
    text = latex_text(number(value))
    if bold:
        text = rf"\textbf{{{text}}}"
    if value.interval is not None:
        low, high = (latex_text(figure(bound, value.unit)) for bound in value.interval)
        text += rf" {{\scriptsize [{low}, {high}]}}"
    return text


def _bold(table: Table, ranked: Sequence[int], column: int) -> set[int]:
    """Find the rows that cannot be told from the best of a column; where nothing was tested, the best of several."""
    if table.tests and not table.tests[column].reason:
        return {at for at in range(len(table.rows)) if is_among_best(table, at, column)}
    values = {at: value for at in ranked if (value := table.rows[at].values[column].value) is not None}
    if len(values) < 2:
        return set()
    best = max(values.values()) if table.heads[column].higher_is_better else min(values.values())
    return {at for at, value in values.items() if value == best}
