"""Registers boards, published numbers, file formats and the site."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.specs import ReporterSpec, SiteSpec
from fashionbench.specs.board_file import read_board
from fashionbench.specs.reference_file import read_references

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs import BoardSpec, ReferenceSpec

FASHIONBENCH_API = (1, 0)

_FORMATS = {
    "markdown": ("md", "tables for a README or a job summary"),
    "html": ("html", "one self-contained page with sortable tables"),
    "csv": ("csv", "one line a value, at full precision"),
    "json": ("json", "everything, at full precision"),
}


@hookimpl
def register_boards() -> Iterable[BoardSpec]:
    """Return the boards of the folder ``boards``."""
    return [read_board(path) for path in _yaml_files("boards")]


@hookimpl
def register_references() -> Iterable[ReferenceSpec]:
    """Return the published numbers of the folder ``references``."""
    return [read_references(path) for path in _yaml_files("references")]


@hookimpl
def register_reporters() -> Iterable[ReporterSpec]:
    """Return the file formats."""
    return [
        ReporterSpec(id=name, summary=summary, suffix=suffix, target=f"fashionbench_leaderboards.render.{name}:render")
        for name, (suffix, summary) in _FORMATS.items()
    ]


@hookimpl
def register_sites() -> Iterable[SiteSpec]:
    """Return the folder of pages."""
    target = "fashionbench_leaderboards.site.pages:render"
    return [SiteSpec(id="pages", summary="an index, a page a board, and a page behind each value", target=target)]


def _yaml_files(folder: str) -> list[Path]:
    return sorted(Path(str(files("fashionbench_leaderboards").joinpath(folder))).glob("*.yaml"))
