"""Boards as JSON: everything, at full precision."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from fashionbench.boards.references import EXPLANATION, HEADING

if TYPE_CHECKING:
    from fashionbench.boards import Board


def render(board: Board) -> str:
    """Write the board, its protocol cards by hash, and what was left out."""
    fields = {
        "board": asdict(board.spec),
        "complete": board.complete,
        "tables": [asdict(table) for table in board.tables],
        "reported_elsewhere": {
            "note": f"{HEADING}. {EXPLANATION}",
            "values": [
                {"beside": asdict(r.column), **asdict(r.value), "known": dict(r.value.known)} for r in board.references
            ],
        },
        "protocols": {key: {"task": c.task, "version": c.version, **c.fields} for key, c in board.cards.items()},
        "faults": [{"path": str(fault.path), "message": fault.message} for fault in board.faults],
    }
    return json.dumps(fields, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
