"""Boards as LaTeX tables for the package booktabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.text import figure, legend, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards import Board, Table
    from fashionbench.boards.table import Row, Value

_SIGNS = str.maketrans({
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "_": r"\_", "#": r"\#", "$": r"\$", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "≥": r"$\geq$", "±": r"$\pm$", "–": "--", "−": "$-$", "×": r"$\times$", "\n": " ",
})  # fmt: skip

_ARROWS = {True: r"$\uparrow$", False: r"$\downarrow$"}


def render(board: Board) -> str:
    """Write a ``tabular`` for each table, best values in bold; controls and limited runs stand apart, never best."""
    parts = [f"% {board.spec.title}".replace("\n", " "), r"% \usepackage{booktabs}"]
    if not board.complete:
        parts.append(f"% incomplete: {len(board.faults)} files of the store could not be used")
    for table in board.tables:
        parts += ["", f"% {table.title}".replace("\n", " ")]
        if table.note:
            parts.append(f"% {table.note}".replace("\n", " "))
        parts += _tabular(table)
    return "\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Keep a text from being read as commands."""
    return text.translate(_SIGNS)


def _tabular(table: Table) -> list[str]:
    ranked = [row for row in table.rows if not row.control and "partial" not in row.marks]
    apart = [row for row in table.rows if row not in ranked]
    best = [_best(ranked, at, higher=head.higher_is_better) for at, head in enumerate(table.heads)]
    marks = {mark: "abcdefghijklmnopqrstuvwxyz"[at] for at, mark in enumerate(legend(table))}
    heads = [f"{escape(head.label)} {_ARROWS[head.higher_is_better]}" for head in table.heads]
    lines = [rf"\begin{{tabular}}{{l{'r' * len(heads)}}}", r"\toprule", " & ".join(["", *heads]) + r" \\"]
    for rows in (ranked, apart):
        if rows:
            lines.append(r"\midrule")
            lines += [_row(row, best if rows is ranked else [None] * len(heads), marks) for row in rows]
    lines += [r"\bottomrule", r"\end{tabular}"]
    return [*lines, *(rf"% $^{{{sign}}}$ {mark}: {legend(table)[mark]}" for mark, sign in marks.items())]


def _row(row: Row, best: Sequence[float | None], marks: dict[str, str]) -> str:
    signs = ",".join(marks[mark] for mark in row.marks if mark in marks)
    name = escape(row.label) + (f"$^{{{signs}}}$" if signs else "")
    cells = [
        _cell(value, bold=value.value is not None and value.value == top)
        for value, top in zip(row.values, best, strict=True)
    ]
    return " & ".join([name, *cells]) + r" \\"


def _cell(value: Value, *, bold: bool) -> str:
    text = escape(number(value))
    if bold:
        text = rf"\textbf{{{text}}}"
    if value.interval is not None:
        low, high = (escape(figure(bound, value.unit)) for bound in value.interval)
        text += rf" {{\scriptsize [{low}, {high}]}}"
    return text


def _best(rows: Sequence[Row], at: int, *, higher: bool) -> float | None:
    """Find the best of a column; None where fewer than two were measured."""
    values = [value for row in rows if (value := row.values[at].value) is not None]
    return None if len(values) < 2 else max(values) if higher else min(values)
