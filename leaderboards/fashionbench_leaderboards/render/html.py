"""Boards as one self-contained HTML page: no network, sortable, every protocol card one click away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_leaderboards.site.board_page import self_contained

if TYPE_CHECKING:
    from fashionbench.boards import Board


def render(board: Board) -> str:
    """Write the page; every text is escaped."""
    return self_contained(board)
