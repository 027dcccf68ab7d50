"""Registers boards, published numbers, file formats and the site."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.specs import ExporterSpec, ReporterSpec, SiteSpec
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
    "latex": ("tex", "tables for a paper, with the package booktabs"),
}

_SITE = "address of the published boards, which values then link to"
#: What each format is, and what it can be told.
_EXPORTS: dict[str, tuple[str, dict[str, str]]] = {
    "bencher": ("Bencher Metric Format, with intervals; thresholds there must know the direction", {}),
    "github-action-benchmark": ("one file of values that should rise, one of values that should fall", {}),
    "hugging-face": (
        ".eval_results of the hub, for benchmarks that are registered there",
        {"benchmarks": "YAML file: which metric of which task is which task of which benchmark", "site": _SITE},
    ),
    "model-card": (
        "a table for the model card of each backend",
        {"site": _SITE, "model-index": "yes: also the legacy metadata of the Hugging Face hub"},
    ),
    "mteb": ("mteb's TaskResult, for the tasks of M-BEIR alone", {}),
    "every-eval-ever": (
        "Every Eval Ever 0.3.0: everything, one file a record",
        {
            "organization": "who measured; by default unknown",
            "relationship": "first_party, third_party, collaborative or other, seen from the model; by default other",
        },
    ),
}


@cache
def _boards() -> tuple[BoardSpec, ...]:
    """Read the packaged boards once a process: they do not change, and each run asks for them."""
    return tuple(read_board(path) for path in _yaml_files("boards"))


@hookimpl
def register_boards() -> Iterable[BoardSpec]:
    """Return the boards of the folder ``boards``."""
    return _boards()


@cache
def _references() -> tuple[ReferenceSpec, ...]:
    return tuple(read_references(path) for path in _yaml_files("references"))


@hookimpl
def register_references() -> Iterable[ReferenceSpec]:
    """Return the published numbers of the folder ``references``."""
    return _references()


@hookimpl
def register_reporters() -> Iterable[ReporterSpec]:
    """Return the file formats."""
    return [
        ReporterSpec(id=name, summary=summary, suffix=suffix, target=f"fashionbench_leaderboards.render.{name}:render")
        for name, (suffix, summary) in _FORMATS.items()
    ]


@hookimpl
def register_exporters() -> Iterable[ExporterSpec]:
    """Return the formats of other tools."""
    return [
        ExporterSpec(
            id=name,
            summary=summary,
            options=options,
            target=f"fashionbench_leaderboards.exporters.{name.replace('-', '_')}:export",
        )
        for name, (summary, options) in _EXPORTS.items()
    ]


@hookimpl
def register_sites() -> Iterable[SiteSpec]:
    """Return the folder of pages, and the folder of tables."""
    summaries = {
        "pages": "an index, a page a board, and a page behind each value",
        "tables": "Markdown, CSV, JSON, LaTeX and a badge of each board, for a repository",
    }
    return [
        SiteSpec(
            id=name,
            summary=summary,
            target=f"fashionbench_leaderboards.site.{name}:render",
            cases=name == "pages",
        )
        for name, summary in summaries.items()
    ]


def _yaml_files(folder: str) -> list[Path]:
    return sorted(Path(str(files("fashionbench_leaderboards").joinpath(folder))).glob("*.yaml"))
