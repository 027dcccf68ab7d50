"""Rows of the lists of records on the pages of backends and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.text import figure

if TYPE_CHECKING:
    from fashionbench.boards.publication import Publication
    from fashionbench.records.schema import Record
    from fashionbench_leaderboards.site.links import Links


def records_of_backend(publication: Publication, backend: str, links: Links) -> list[dict[str, object]]:
    """List the records of a backend by task."""
    found = [record for record in publication.records.values() if record.backend.id == backend]
    found.sort(key=lambda record: (record.task.id, record.decoding.seed, record.record_id))
    return [_row(r, publication, links) | {"name": r.task.id, "href": links.task(r.task.id)} for r in found]


def records_of_task(publication: Publication, task: str, links: Links) -> list[dict[str, object]]:
    """List the records of a task by backend."""
    found = [record for record in publication.records.values() if record.task.id == task]
    found.sort(key=lambda record: (record.backend.id, record.decoding.seed, record.record_id))
    return [_row(r, publication, links) | {"name": r.backend.id, "href": links.backend(r.backend.id)} for r in found]


def _row(record: Record, publication: Publication, links: Links) -> dict[str, object]:
    main = publication.tasks[record.task.id].main_metric
    part = record.metric(main)
    known = {
        "control": record.backend.control,
        "partial": record.status == "partial",
        "float16 embeddings": record.decoding.embedding_dtype == "float16",
    }
    marks = [mark for mark, is_so in known.items() if is_so]
    return {
        "metric": main,
        "value": figure(part.value, part.unit) if part else "–",
        "seed": record.decoding.seed,
        "record": links.record(record.record_id),
        "short": record.record_id.removeprefix("sha256:")[:12],
        "marks": marks,
    }
