"""Compare systems by their stored records."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.data.roots import DataRoots
from fashionbench.errors import UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.studies import comparison_text
from fashionbench.studies.compare import compare_systems
from fashionbench.studies.comparison import Comparison, System
from fashionbench.studies.comparison_page import page
from fashionbench.studies.flip_cases import flip_cases
from fashionbench.studies.item_values import ItemValues, item_values
from fashionbench.studies.select import find_pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store

#: The formats of a comparison, and the suffixes of their files.
FORMATS = {"markdown": "md", "latex": "tex", "json": "json", "html": "html"}


def compare(
    baseline: Sequence[Record],
    candidate: Sequence[Record],
    *,
    store: str | Path | Store | None = None,
    metrics: Sequence[str] = (),
    plugins: Plugins | None = None,
) -> Comparison:
    """Compare two systems by their records, such as those that :func:`fashionbench.run` returns.

    :param baseline: records of the system to compare with, of any tasks and seeds.
    :param store: holds the predictions of both.
    :raises ConfigError: where they were not measured alike; the message names what differs.
    """
    loaded = plugins or Plugins()
    opened = existing_store(store, loaded)
    sides = [System(label=records[0].backend.id, records=records, store=opened) for records in (baseline, candidate)]
    return compare_systems(sides[0], sides[1], loaded, metrics=metrics)


def compare_stored(
    baseline: str,
    candidate: str,
    *,
    store: str | Path | Store | None = None,
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
    plugins: Plugins | None = None,
) -> list[Comparison]:
    """Compare two systems by their names; of two stores, every system that both hold.

    :param baseline: a backend, its label on a board, the beginning of a record id, or the folder of a store.
    :param tasks: names or patterns of the tasks to compare; by default all that both were measured on.
    :raises ConfigError: where a name fits several systems, or they were not measured alike.
    :raises UnknownNameError: where a name or pattern fits nothing.
    """
    loaded = plugins or Plugins()
    pairs = find_pairs(baseline, candidate, lambda: existing_store(store, loaded))
    keep = _keep(tasks, pairs)
    return [compare_systems(first, second, loaded, metrics=metrics, keep=keep) for first, second in pairs]


def comparison_page(
    baseline: str,
    candidate: str,
    *,
    store: str | Path | Store | None = None,
    tasks: Sequence[str] = (),
    metrics: Sequence[str] = (),
    data: Mapping[str, Path] | None = None,
    plugins: Plugins | None = None,
) -> str:
    """Compare as :func:`compare_stored` does, and write a page with pictures of the items that changed most.

    :param data: folders of data sets, by id; where one is not at hand, or may not be shown, ids stand
        alone.
    """
    loaded = plugins or Plugins()
    pairs = find_pairs(baseline, candidate, lambda: existing_store(store, loaded))
    keep = _keep(tasks, pairs)
    made = [compare_systems(one, two, loaded, metrics=metrics, keep=keep) for one, two in pairs]
    roots = DataRoots(named=dict(data or {}), cache=pairs[0][0].store.cache / "surveys")
    cases = [flip_cases(c, (one.store, two.store), loaded, roots) for c, (one, two) in zip(made, pairs, strict=True)]
    return page(made, cases)


def _keep(patterns: Sequence[str], pairs: Sequence[tuple[System, System]]) -> Callable[[str], bool]:
    """Return a function that tells whether a pattern fits a task.

    :raises UnknownNameError: where a pattern fits no task that any of the systems was measured on.
    """
    measured = {record.task.id for pair in pairs for side in pair for record in side.records}
    for pattern in patterns:
        if not any(fnmatchcase(task, pattern) for task in measured):
            raise UnknownNameError("task", pattern, measured, where=" of these systems")
    return lambda task: not patterns or any(fnmatchcase(task, pattern) for pattern in patterns)


def render_comparison(comparisons: Sequence[Comparison], format_: str) -> str:
    """Write comparisons as ``markdown``, ``latex``, ``json`` or ``html``; pages with pictures are made apart."""
    written = {
        "markdown": comparison_text.markdown,
        "latex": comparison_text.latex,
        "json": comparison_text.as_json,
        "html": page,
    }
    return written[format_](comparisons)


def per_query(
    record: Record, metric: str, *, store: str | Path | Store | None = None, plugins: Plugins | None = None
) -> ItemValues | None:
    """Return a metric by query or item, from the stored predictions of a record; None where it has no value an item.

    :param metric: such as ``mrr`` or ``hit@10``.
    :raises MetricError: where the record has no predictions, or the metric cannot be computed from them alone.
    """
    loaded = plugins or Plugins()
    return item_values(record, metric, existing_store(store, loaded), loaded)
