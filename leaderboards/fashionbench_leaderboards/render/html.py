"""Boards as one self-contained HTML page: no network, sortable, every protocol card one click away."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, StrictUndefined

from fashionbench.boards.references import EXPLANATION, HEADING, reported_rows
from fashionbench.boards.text import heading, how_measured, legend, number, uncertainty

if TYPE_CHECKING:
    from fashionbench.boards import Board


def render(board: Board) -> str:
    """Write the page; every text is escaped."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.globals |= {
        "number": number,
        "uncertainty": uncertainty,
        "heading": heading,
        "legend": legend,
        "reported_heading": HEADING,
        "reported_explanation": EXPLANATION,
    }
    template = files("fashionbench_leaderboards.render").joinpath("board.html.j2").read_text(encoding="utf-8")
    cards = sorted(board.cards.values(), key=lambda card: (card.task, card.hash))
    page = environment.from_string(template).render(
        board=board, measured=how_measured(board), cards=cards, reported=reported_rows(board.references)
    )
    return page.rstrip() + "\n"
