"""Boards as CSV: one line a value, at full precision."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.boards import Board

FIELDS = (
    "table", "backend", "label", "attestation", "control", "marks", "task", "metric", "slice", "value", "low", "high",
    "spread", "seeds", "n", "unit", "protocol", "fingerprint", "implementation", "reason", "records",
)  # fmt: skip

#: A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(board: Board) -> str:
    """Write one line for each cell of each table, those without a value included."""
    sheet = io.StringIO()
    writer = csv.writer(sheet, lineterminator="\n")
    writer.writerow(FIELDS)
    for number, table in enumerate(board.tables):
        for row in table.rows:
            for head, value in zip(table.heads, row.values, strict=True):
                low, high = value.interval or ("", "")
                signature = head.signature or ("", "", "")
                line = [number, row.backend, row.label, row.attestation, row.control, " ".join(row.marks)]
                line += [head.column.task, head.column.metric, head.column.slice]
                line += [_plain(value.value), _plain(low), _plain(high), _plain(value.spread), value.seeds, value.n]
                line += [value.unit, *signature, value.reason, " ".join(value.records)]
                writer.writerow([_safe(cell) for cell in line])
    return sheet.getvalue()


def _plain(value: object) -> object:
    return "" if value is None else repr(value) if isinstance(value, float) else value


def _safe(cell: object) -> object:
    is_number = isinstance(cell, str) and cell.replace(".", "", 1).replace("-", "", 1).replace("e", "", 1).isdigit()
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) and not is_number else cell
