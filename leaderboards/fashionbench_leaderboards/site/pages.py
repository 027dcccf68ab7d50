"""Make the pages of a site: a pure function of boards and the records behind them."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import quote

from fashionbench.errors import ConfigError, counted
from fashionbench_leaderboards.site.badge import badge
from fashionbench_leaderboards.site.board_page import board_context
from fashionbench_leaderboards.site.filling import page
from fashionbench_leaderboards.site.history_page import history_context
from fashionbench_leaderboards.site.links import (
    Links,
    backend_path,
    board_path,
    file_name,
    history_path,
    record_path,
    task_path,
)
from fashionbench_leaderboards.site.listing import records_of_backend, records_of_task
from fashionbench_leaderboards.site.record_page import Place, places, record_context

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.boards import Board
    from fashionbench.boards.publication import Publication
    from fashionbench.records.schema import Record

#: Files that pages load; the licence goes with the program that it belongs to.
ASSETS = ("board.js", "dataTables.LICENSE.txt", "dataTables.min.js", "site.css")


def render(publication: Publication) -> Mapping[str, bytes]:
    """Make every file of a site, by its path below the folder.

    :raises ConfigError: where two names give one file.
    """
    made: dict[str, bytes] = {}

    def add(path: str, text: str) -> None:
        if path in made:
            raise ConfigError(f"two pages have the address {path}", remedy="rename one of the boards or backends")
        made[path] = text.encode()

    records = frozenset(publication.records)
    for name in ASSETS:
        made[f"assets/{name}"] = asset(name)
    add(
        "index.html",
        page("index.html.j2", {"links": Links("", records), "boards": [_summary(b) for b in publication.boards]}),
    )
    links = Links("../", records)
    for board in publication.boards:
        name = file_name(board.spec.id)
        downloads = publication.downloads.get(board.spec.id, {})
        context = board_context(board, links)
        context["history"] = links.history(board.spec.id) if publication.history.get(board.spec.id) else ""
        context["downloads"] = {suffix: quote(f"{name}.{suffix}") for suffix in downloads}
        add(board_path(board.spec.id), page("board.html.j2", {"links": links, **context}))
        add(f"boards/{name}.svg", badge(board))
        columns = publication.history.get(board.spec.id, ())
        if columns:
            shown = {"board": board, "links": links, **history_context(columns, links)}
            add(history_path(board.spec.id), page("history.html.j2", shown))
        for suffix, text in downloads.items():
            add(f"boards/{name}.{suffix}", text)
    stands = places(publication)
    for record in publication.records.values():
        path = record_path(record.record_id)
        place = stands.get(record.record_id, Place())
        context = record_context(record, place, publication, links) | {
            "file_name": PurePosixPath(path).stem,
            "links": links,
        }
        add(path, page("record.html.j2", context))
        add(path.removesuffix("html") + "json", _json(record))
    for name in sorted({row.backend for board in publication.boards for table in board.tables for row in table.rows}):
        rows = records_of_backend(publication, name, links)
        context = {"backend": name, "spec": publication.backends.get(name), "rows": rows, "links": links}
        add(backend_path(name), page("backend.html.j2", context))
    for name, task in publication.tasks.items():
        context = {"task": task, "dataset": publication.datasets.get(task.dataset), "links": links}
        context |= {"rows": records_of_task(publication, name, links), "differing": publication.differing.get(name)}
        add(task_path(name), page("task.html.j2", context))
    made |= {f"images/{name}": content for name, content in publication.pictures.items()}
    return made


def asset(name: str) -> bytes:
    """Read a file that pages load."""
    return files("fashionbench_leaderboards.site").joinpath("assets", name).read_bytes()


def _json(record: Record) -> str:
    """Write a record as it is in the store, but for paths of the machine that measured it."""
    return json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _summary(board: Board) -> dict[str, object]:
    rows = {row.label for table in board.tables for row in table.rows}
    return {
        "spec": board.spec,
        "rows": counted(len(rows), "row"),
        "columns": counted(len(board.spec.columns), "column"),
    }
