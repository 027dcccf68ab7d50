"""Compute metrics of a stored record from its predictions: those that were absent, and those whose code has changed.

The backend is not asked again. The new record keeps everything of the old one but its metrics, names it, and
supersedes it.
"""

from __future__ import annotations

from importlib.util import find_spec
from shutil import which
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError, UnknownNameError
from fashionbench.metrics.scoring import Scores, metric_spec, score
from fashionbench.predictions.base import Predictions
from fashionbench.records.provenance import code_state, now
from fashionbench.records.schema import RescoringPart

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.plugins.manager import Plugins
    from fashionbench.plugins.registry import Registry
    from fashionbench.records.provenance import ProcessFacts
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.specs import MetricSpec, TaskSpec


def outdated(record: Record, task: TaskSpec, metrics: Registry[MetricSpec]) -> tuple[str, ...]:
    """Name the metrics of a task that a record lacks or has by another implementation, where their needs are met.

    :param record: a record with predictions; one without has none.
    """
    if record.predictions is None or record.status == "error":
        return ()
    return tuple(name for name in task.metrics if _is_outdated(name, record, metrics) and _can_run(name, metrics))


def rescored(
    record: Record,
    task: TaskSpec,
    names: tuple[str, ...],
    seed: str,
    plugins: Plugins,
    store: Store,
    facts: ProcessFacts,
    advance: Callable[[int, str], object] = lambda _count, _kind: None,
) -> Record:
    """Compute metrics anew and store the record that supersedes the old one; the old one where nothing has changed.

    :param names: the metrics to compute; all others stay as they are.
    :param seed: as for the first computation, so that intervals agree.
    :raises StoreError: where the predictions are missing or damaged.
    """
    assert record.predictions is not None  # noqa: S101
    predictions = Predictions(record.predictions.schema_id, store.read_predictions(record.predictions))
    fresh = score(predictions, task, plugins.metrics, seed, names=names, advance=advance)
    merged = _merged(record, task, names, fresh)
    # A reason that is told in other words is no news: a record is superseded by a number alone.
    if merged.metrics == list(record.metrics):
        return record
    part = RescoringPart(
        record=record.rescored.record if record.rescored else record.record_id,
        time=now(),
        metrics=names,
        code=(code_state("fashionbench"),),
        packages=facts.packages,
    )
    changed = {
        "metrics": tuple(merged.metrics),
        "absent": tuple(merged.absent),
        "rescored": part,
        "supersedes": record.record_id,
        "provenance": record.provenance.model_copy(update={"ended": now()}),
    }
    return store.add(record.model_copy(update=changed))


def _merged(record: Record, task: TaskSpec, names: tuple[str, ...], fresh: Scores) -> Scores:
    """Put old and new values together, in the order of the task's metrics."""
    anew = {part.id for part in fresh.metrics}
    values = [part for part in record.metrics if part.id not in anew] + fresh.metrics
    has = {part.id for part in values}
    absent = [part for part in record.absent if part.id not in names] + fresh.absent
    order = {name: place for place, name in enumerate(task.metrics)}
    values.sort(key=lambda part: order.get(part.id, len(order)))
    return Scores(values, [part for part in absent if part.id not in has])


def _is_outdated(name: str, record: Record, metrics: Registry[MetricSpec]) -> bool:
    known = [part for part in record.metrics if part.id == name]
    try:
        implementation = metric_spec(name, metrics).implementation
    except UnknownNameError:
        return False
    # Of one slice alone, as in an imported file, the headline is not there, and cannot be.
    return not known or any(part.implementation.partition("@")[0] != implementation for part in known)


def _can_run(name: str, metrics: Registry[MetricSpec]) -> bool:
    spec = metric_spec(name, metrics)
    try:
        packages = all(find_spec(package) is not None for package in spec.packages)
    except (ImportError, ValueError):
        packages = False
    return packages and all(which(program) is not None for program in spec.programs)


def rescore_store(store: Store, plugins: Plugins, facts: ProcessFacts, say: Callable[[str], object]) -> list[Record]:
    """Rescore every current record of a store whose task is known; return those that were made.

    :param say: told of each record that is made, and of each that cannot be rescored, with the reason.
    """
    made: list[Record] = []
    for record in store.scan().current():
        if record.task.id not in plugins.tasks or record.dataset is None:
            continue
        task = plugins.tasks[record.task.id]
        name = f"{record.task.id} × {record.backend.id}"
        if task.protocol.hash != record.protocol.hash:
            say(f"{name}: measured by another protocol than today's, left as it is")
            continue
        names = outdated(record, task, plugins.metrics)
        if not names:
            continue
        seed = question_of(record)
        try:
            new = rescored(record, task, names, seed, plugins, store, facts)
        except FashionBenchError as error:
            say(f"{name}: {error.message}")
            continue
        if new is not record:
            made.append(new)
            say(f"{name}: computed {', '.join(n for n in names if new.metric(n) != record.metric(n))}")
    return made


def question_of(record: Record) -> str:
    """Return the seed text of a record's intervals, as the cell that made it had it."""
    assert record.dataset is not None  # noqa: S101
    parts = [record.protocol.hash, record.dataset.fingerprint, record.backend.id, record.backend.config_hash]
    return digest([*parts, record.decoding.seed])
