"""What the page of a board shows, as one of a site and as one that stands alone."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from importlib.resources import files
from typing import TYPE_CHECKING

from markupsafe import Markup

from fashionbench.boards.references import EXPLANATION, HEADING, reported_rows
from fashionbench.boards.text import how_measured
from fashionbench_leaderboards.site.filling import page
from fashionbench_leaderboards.site.links import Links, file_name
from fashionbench_leaderboards.site.table_view import family, table_view

if TYPE_CHECKING:
    from fashionbench.boards import Board, Table


def board_context(board: Board, links: Links) -> dict[str, object]:
    """Gather what the templates of a board's page ask for."""
    rows = [row for table in board.tables for row in table.rows]
    return {
        "board": board,
        "file_name": file_name(board.spec.id),
        "tables": [table_view(t, board.spec.title, links, _sorted_by(board, t)) for t in board.tables],
        "measured": how_measured(board),
        "cards": sorted(board.cards.values(), key=lambda card: (card.task, card.hash)),
        "reported": reported_rows(board.references),
        "reported_heading": HEADING,
        "reported_explanation": EXPLANATION,
        "attestations": sorted({row.attestation for row in rows}),
        "families": sorted({family(row.backend) for row in rows}),
        "downloads": {},
        "history": "",
    }


def self_contained(board: Board) -> str:
    """Write the page of a board with its style and script inside; it loads nothing."""
    assets = files("fashionbench_leaderboards.site").joinpath("assets")
    style = assets.joinpath("site.css").read_text(encoding="utf-8")
    script = "\n".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("dataTables.min.js", "board.js"))
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; form-action 'none'"
    )
    links = Links()
    # Our own files, which stand in the page as they are.
    inside = {"style": Markup(style), "script": Markup(script)}  # noqa: S704
    return page("single.html.j2", {"links": links, **inside, **board_context(board, links)}, policy=policy)


def _hash(text: str) -> str:
    """Write the hash by which a page's policy allows a style or a script inside it."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _sorted_by(board: Board, table: Table) -> int:
    """Return the column that orders a table, as in :func:`fashionbench.boards.rows.make_table`."""
    columns = [head.column for head in table.heads]
    wanted = board.spec.columns[board.spec.sort_by]
    return columns.index(wanted) if wanted in columns else 0
