"""A badge for a README: the best measured value of a board's first ordering column, as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from fashionbench.boards.text import number
from fashionbench.control_characters import one_line

if TYPE_CHECKING:
    from fashionbench.boards import Board

_GREEN, _RED, _GREY = "#2e7d32", "#b3261e", "#5f6368"
_WIDTH = 7  # of a character, in pixels; the text is stretched to what is left for it


def badge(board: Board) -> str:
    """Draw a badge that names the best measured system, or says that the board is incomplete."""
    label = f"{board.spec.id}"
    message, colour = _best(board)
    if not board.complete:
        message, colour = "incomplete", _RED
    left, right = (_WIDTH * len(text) + 12 for text in (label, message))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img">',
        f"<title>{escape(one_line(label))}: {escape(one_line(message))}</title>",
        f'<rect width="{left}" height="20" fill="#444"/>',
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>',
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">',
        f'<text x="6" y="14" textLength="{left - 12}">{escape(one_line(label))}</text>',
        f'<text x="{left + 6}" y="14" textLength="{right - 12}">{escape(one_line(message))}</text>',
        "</g></svg>",
    ]
    return "\n".join(parts) + "\n"


def _best(board: Board) -> tuple[str, str]:
    """Find the best of what was measured whole and is no control, in the column that orders the board."""
    wanted = board.spec.columns[board.spec.sort_by]
    for table in (table for table in board.tables if table.main):
        for at, head in enumerate(table.heads):
            if head.column == wanted:
                rows = [
                    r
                    for r in table.rows
                    if not r.control and "partial" not in r.marks and r.values[at].value is not None
                ]
                if rows:
                    sign = 1 if head.higher_is_better else -1
                    best = max(rows, key=lambda row: sign * (row.values[at].value or 0.0))
                    return f"{head.label} {number(best.values[at])} {best.label}", _GREEN
    return "nothing measured", _GREY
