"""Results of the two M-BEIR tasks of Fashion200K as mteb's TaskResult; every other task is refused by name."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from fashionbench.files import slug
from fashionbench.specs import Export

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import Record


class MtebTask(NamedTuple):
    """A task of mteb on the same queries and the same candidates; :param revision: of mteb's copy of the data."""

    name: str
    revision: str
    queries: int
    candidates: int


TASKS = {
    "fashion200k-mbeir/text-to-image": MtebTask(
        "Fashion200kT2IRetrieval", "725e5e2ccb114089e0070e83cdc94b83bc104d40", 1719, 201824
    ),
    "fashion200k-mbeir/image-to-text": MtebTask(
        "Fashion200kI2TRetrieval", "74e9e63bf8f802f8cfb4ba6e01f48efc4f49032c", 4889, 61707
    ),
}
MAIN = "ndcg@10"
#: mteb's names of the metrics that mean the same.
_NAMES = {"ndcg": "ndcg_at_", "recall": "recall_at_", "hit": "hit_rate_at_"}
#: Why tasks of a family whose name mteb knows are no task of mteb.
_OTHERS = {
    "fashion-iq": (
        "mteb's FashionIQIT2IRetrieval ranks all queries against the one pooled gallery of M-BEIR, and this task ranks "
        "within each category"
    ),
    "cirr": "mteb's CIRRIT2IRetrieval has the pool and the queries of M-BEIR, and this task those of CIRR itself",
    "atelier": "generated data, which is no data set of mteb",
}


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:  # noqa: ARG001
    """Write ``<backend>/<revision>/<task>.json``, as in mteb's repository of results."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    for record in sorted(records, key=lambda r: (r.provenance.ended, r.record_id), reverse=True):
        name = f"{record.task.id} × {record.backend.id}"
        reason = refusal(record)
        if reason:
            left_out.append(f"{name}: {reason}")
            continue
        task = TASKS[record.task.id]
        path = f"{slug(record.backend.id)}/{slug(record.backend.revision)}/{task.name}.json"
        if path in files:
            left_out.append(
                f"{name}, seed {record.decoding.seed}: mteb has one result a model, and a newer one is written"
            )
            continue
        files[path] = json.dumps(_result(record, task), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return Export(files, tuple(sorted(left_out)))


def refusal(record: Record) -> str:
    """Say why a record is no result of mteb; empty where it is one."""
    task = TASKS.get(record.task.id)
    if task is None:
        return _OTHERS.get(record.task.id.partition("/")[0], "mteb has no such task")
    if record.error is not None or record.dataset is None:
        return "it failed"
    if record.status != "ok":
        return "a limited run: not all queries"
    if record.decoding.embeddings is not None:
        return f"embeddings were rounded to {record.decoding.embedding_dtype}, which mteb does not do"
    sizes = record.dataset.sizes
    if (sizes.get("queries"), sizes.get("gallery")) != (task.queries, task.candidates):
        found = f"{sizes.get('queries')} queries and {sizes.get('gallery')} candidates"
        return f"{found}, and mteb's copy at {task.revision[:8]} has {task.queries} and {task.candidates}"
    if record.dataset.missing or record.dataset.unreadable:
        return record.dataset.missing_line
    if record.metric(MAIN) is None:
        return f"no {MAIN}, mteb's main score: run 'fashionbench rescore --metric {MAIN}' first"
    return ""


def _result(record: Record, task: MtebTask) -> dict[str, Any]:
    main = record.metric(MAIN)
    assert main is not None  # noqa: S101
    scores: dict[str, Any] = {}
    for part in record.metrics:
        kind, _, cutoff = part.id.partition("@")
        if part.slice == "all" and kind in _NAMES and cutoff.isdecimal():
            scores[_NAMES[kind] + cutoff] = part.value
    scores |= {"main_score": main.value, "hf_subset": "default", "languages": ["eng-Latn"]}
    return {
        "dataset_revision": task.revision,
        "task_name": task.name,
        # mteb did not measure this.
        "mteb_version": None,
        "scores": {"test": [scores]},
        "evaluation_time": record.cost.wall_s,
        "kg_co2_emissions": None,
    }
