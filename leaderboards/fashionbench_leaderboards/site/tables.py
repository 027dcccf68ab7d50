"""Boards as a folder for a repository: Markdown, CSV, JSON and LaTeX, a badge each, and a README that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import counted
from fashionbench_leaderboards.markdown_escape import escape
from fashionbench_leaderboards.site.badge import badge
from fashionbench_leaderboards.site.links import file_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.boards.publication import Publication


def render(publication: Publication) -> Mapping[str, bytes]:
    """Make every file, by its path below the folder."""
    made: dict[str, str] = {}
    index = ["# Boards", ""]
    for board in publication.boards:
        name = file_name(board.spec.id)
        downloads = publication.downloads.get(board.spec.id, {})
        made |= {f"{name}.{suffix}": text for suffix, text in downloads.items()}
        made[f"{name}.svg"] = badge(board)
        rows = {row.label for table in board.tables for row in table.rows}
        files = ", ".join(f"[{suffix}]({name}.{suffix})" for suffix in sorted(downloads))
        said = f"{counted(len(rows), 'row')}, {counted(len(board.spec.columns), 'column')}"
        index += [f"- **{escape(board.spec.title)}**: {escape(board.spec.summary)} ({said}). {files}"]
    index += ["", "Made by `fashionbench publish`; do not edit."]
    made["README.md"] = "\n".join(index) + "\n"
    return {path: text.encode() for path, text in made.items()}
