"""Find the one-modality shortcuts of a composed retrieval task in stored predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.boards.labels import row_label
from fashionbench.errors import ConfigError
from fashionbench.files import regular_text
from fashionbench.json_reader import parse_json
from fashionbench.plugins.manager import Plugins
from fashionbench.seeding import seed_of
from fashionbench.studies.item_values import item_values
from fashionbench.studies.select import newest
from fashionbench.studies.shortcuts import Shortcuts, labels_of_controls, shortcut_row

if TYPE_CHECKING:
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.studies.item_values import ItemValues
    from fashionbench.studies.shortcuts import Query

IMAGE_ONLY, TEXT_ONLY = "control/pocket-image-only", "control/pocket-text-only"


def shortcuts(
    task: str,
    *,
    metric: str = "hit@10",
    image_only: str = IMAGE_ONLY,
    text_only: str = TEXT_ONLY,
    labels: str | Path | None = None,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
) -> Shortcuts:
    """Split the queries of a task into one-modality shortcuts and composed ones, and measure every system on both.

    :param metric: of single queries, between 0 and 1; an answer is more than one half.
    :param image_only: the backend that sees the reference image alone.
    :param text_only: the backend that sees the text alone.
    :param labels: a JSON object of query id and true (a shortcut) or false, instead of the controls' labels.
    :raises ConfigError: where the store lacks a control's record, or a query has no label.
    """
    loaded = plugins or Plugins()
    spec = loaded.tasks[task]
    opened = existing_store(store, loaded)
    records = [
        record
        for record in newest(opened.scan().current())
        if record.task.id == spec.id and record.protocol.hash == spec.protocol.hash and record.status == "ok"
    ]
    if not records:
        raise ConfigError(f"{opened.root} has no whole record of {task}", remedy=f"fashionbench run --task {task}")
    values = {record.record_id: _values(record, metric, opened, loaded) for record in records}
    controls = [_of(name, records, values, task) for name in (image_only, text_only)] if labels is None else []
    counts: tuple[int, int, int] | None = None
    if labels is None:
        chosen, counts = labels_of_controls(*controls)
        source = f"{image_only} and {text_only}"
    else:
        chosen, source = _read_labels(Path(labels), next(iter(values.values()))), Path(labels).name
    ordered = sorted(records, key=lambda record: (record.backend.control, record.backend.id, record.decoding.seed))
    rows = [
        shortcut_row(
            _label(record, records), values[record.record_id], chosen, controls, seed_of(record.record_id, metric)
        )
        for record in ordered
    ]
    return Shortcuts(
        task=spec.id,
        metric=metric,
        queries=len(chosen),
        shortcuts=sum(chosen.values()),
        image=counts[0] if counts else None,
        text=counts[1] if counts else None,
        both=counts[2] if counts else None,
        labels=source,
        rows=tuple(rows),
    )


def _label(record: Record, records: list[Record]) -> str:
    seeds = {other.decoding.seed for other in records if other.backend.id == record.backend.id}
    return row_label(record, records) + (f", seed {record.decoding.seed}" if len(seeds) > 1 else "")


def _values(record: Record, metric: str, store: Store, plugins: Plugins) -> ItemValues:
    found = item_values(record, metric, store, plugins)
    if found is None or found.unit != "fraction":
        raise ConfigError(f"{metric} has no share for each query", remedy="such as hit@10")
    return found


def _of(name: str, records: list[Record], values: dict[str, ItemValues], task: str) -> ItemValues:
    mine = [record for record in records if record.backend.id == name]
    if not mine:
        msg = f"the store has no whole record of {name} on {task}, whose answers tell the shortcuts"
        remedy = (
            f"fashionbench run --task {task} --backend {name}, or give --labels; where the data have nothing to learn "
            "from, run backends that see one side, such as hf:FOLDER with -o composition=image, and name them with "
            "--image-only and --text-only"
        )
        raise ConfigError(msg, remedy=remedy)
    return values[mine[0].record_id]


def _read_labels(path: Path, asked: ItemValues) -> dict[Query, bool]:
    """Read labels by query id; one stands for the query in every slice."""
    try:
        content = parse_json(regular_text(path, "utf-8-sig"), str(path))
    except ValueError as error:
        raise ConfigError(f"{path} is no JSON: {error}", remedy='such as {"query-1": true}') from error
    if not isinstance(content, dict) or not all(isinstance(label, bool) for label in content.values()):
        raise ConfigError(f"{path} is no object of query ids and true or false", remedy='such as {"query-1": true}')
    return {(s, name): content[name] for s, name in zip(asked.slices, asked.ids, strict=True) if name in content}
