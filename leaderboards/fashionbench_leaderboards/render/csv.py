"""Boards as CSV: one line a value, at full precision; control characters of texts are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.references import known, misprint, source
from fashionbench.control_characters import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards import Board, Table

FIELDS = (
    "table", "backend", "label", "attestation", "control", "marks", "task", "metric", "slice", "value", "bound", "low",
    "high", "standard_error", "sd_over_seeds", "seeds", "n", "unit", "method", "protocol", "fingerprint",
    "implementation", "reason", "note", "records",
    "rank_from", "rank_to", "tied_with_best", "detectable", "reference", "difference", "difference_low",
    "difference_high", "wins", "ties", "losses",
    "printed", "source", "evidence", "known", "unknown",
)  # fmt: skip

#: A text that begins with one of these is a formula to a spreadsheet, and gets an apostrophe before it. So does one
#: that begins with an apostrophe: whoever reads the file takes one away where there is one, and has the text again.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'")
QUOTE = '"'


def render(board: Board) -> str:
    """Write one line for each cell of each table, those without a value included; then published numbers.

    What is reported elsewhere has ``reported-elsewhere`` for its table and no value, so that no sum or order of the
    measured column can take it in; its text is in ``printed``.
    """
    lines = [_line([_cell(name) for name in FIELDS])]
    for number, table in enumerate(board.tables):
        for place, row in enumerate(table.rows):
            for at, (head, value) in enumerate(zip(table.heads, row.values, strict=True)):
                low, high = value.interval or (None, None)
                signature = head.signature or ("", "", "")
                line = [number, row.backend, row.label, row.attestation, row.control, " ".join(row.marks)]
                line += [head.column.task, head.column.metric, head.column.slice, value.value, value.bound, low, high]
                line += [value.standard_error, value.sd_over_seeds, value.seeds, value.n, value.unit, value.method]
                line += [*signature, value.reason, value.note, " ".join(value.records)]
                line += _tested(table, place, at)
                line += [""] * 5
                lines.append(_line([_cell(cell) for cell in line]))
    for reported in board.references:
        column, printed = reported.column, reported.value
        note = "; ".join(text for text in (misprint(printed), printed.caveat) if text)
        line = [
            "reported-elsewhere",
            printed.system,
            printed.system,
            "",
            "",
            "",
            column.task,
            column.metric,
            column.slice,
        ]
        line += [""] * (FIELDS.index("note") - len(line)) + [
            note,
            "",
            *[""] * 11,
            printed.printed,
            source(printed),
            printed.evidence,
        ]
        lines.append(_line([_cell(cell) for cell in [*line, known(printed), ", ".join(printed.unknown)]]))
    return "".join(lines)


def _tested(table: Table, row: int, column: int) -> list[object]:
    """Write what the tests of a column say of a row, from ``rank_from`` to ``losses``."""
    if not table.tests:
        return [""] * 11
    tests = table.tests[column]
    ranks = tests.ranks[row]
    against = tests.against[row] if tests.against else None
    reference = "" if tests.reference is None else table.rows[tests.reference].label
    line: list[object] = [*(ranks or ("", "")), tests.tied_with_best[row] if ranks else "", tests.detectable, reference]
    if against is None:
        return [*line, *[""] * 6]
    return [*line, against.difference, *(against.interval or ("", "")), against.wins, against.ties, against.losses]


def _line(cells: Sequence[object]) -> str:
    """Write one line; every text is quoted, so that no sign in it ends a cell or a line."""
    return (
        ",".join(f'"{cell.replace(QUOTE, 2 * QUOTE)}"' if isinstance(cell, _Quoted) else str(cell) for cell in cells)
        + "\n"
    )


class _Quoted(str):
    """A text, which is written in quotes; a number and an empty place are not."""

    __slots__ = ()


def _cell(cell: object) -> object:
    """Write a number so that it parses back to itself, nothing for none, and a text that no spreadsheet computes."""
    if cell is None or cell == "":
        return ""
    return repr(cell) if isinstance(cell, float) else _Quoted(_safe(one_line(cell))) if isinstance(cell, str) else cell


def _safe(text: str) -> str:
    return f"'{text}" if text.lstrip().startswith(_FORMULA) and not _is_negative(text) else text


def _is_negative(text: str) -> bool:
    """Tell whether a text is a negative number, which a spreadsheet takes for one; a plus sign it may compute with."""
    try:
        float(text)
    except ValueError:
        return False
    return text.startswith("-") and text.isprintable()
