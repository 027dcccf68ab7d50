"""Compute metrics of a stored record from its predictions: those that were absent, and those whose code has changed.

The backend is not asked again. The new record keeps everything of the old one but its metrics, names it, and
supersedes it.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError, MetricError, StoreError, as_error, first_names
from fashionbench.metrics.scoring import Scores, known_metrics, score
from fashionbench.predictions import images as image_schema
from fashionbench.predictions.base import Predictions
from fashionbench.progress import Reporter, Silent
from fashionbench.records.provenance import code_state, now
from fashionbench.records.schema import RescoringPart
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.outdated_metrics import outdated
from fashionbench.runner.stored_images import image_access
from fashionbench.runner.workload import image_counts
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fashionbench.data.roots import DataRoots
    from fashionbench.metrics.image_access import ImageAccess
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.provenance import ProcessFacts
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.task import Task
    from fashionbench.specs import TaskSpec


def rescored(
    record: Record,
    task: TaskSpec,
    names: tuple[str, ...],
    seed: str,
    plugins: Plugins,
    store: Store,
    facts: ProcessFacts,
    *,
    images: Callable[[Predictions], ImageAccess | None] = lambda _predictions: None,
    reporter: Reporter | None = None,
    say: Callable[[str], object] = lambda _text: None,
) -> Record:
    """Compute metrics anew and store the record that supersedes the old one; the old one where nothing has changed.

    :param names: the metrics to compute; all others stay as they are.
    :param seed: as for the first computation, so that intervals agree.
    :param images: gives access to the images behind predictions.
    :param say: called with a line on each metric that cannot be computed, with the reason.
    :raises StoreError: where the predictions are missing or damaged.
    :raises MetricError: where the predictions are none that these metrics read.
    """
    assert record.predictions is not None  # noqa: S101
    reporter = reporter or Silent()
    predictions = Predictions(record.predictions.schema_id, store.read_predictions(record.predictions))
    specs = known_metrics(names, plugins.metrics)
    if all(spec.predictions != predictions.schema_id for spec in specs):
        read = ", ".join(sorted({spec.predictions for spec in specs}))
        msg = f"{first_names(names)} read {read}, and the stored predictions are {predictions.schema_id}"
        raise MetricError(msg, remedy="run the cell again with --rerun")
    reporter.expect_work("metric", len(names))
    if predictions.schema_id == image_schema.SCHEMA:
        sides = predictions.table.column("side").to_pylist()
        work = image_counts(specs, lambda _name: True, sides.count("generated"), sides.count("real"))
        for kind, count in work.items():
            reporter.expect_work(kind, count)
    fresh = score(
        predictions,
        task,
        plugins.metrics,
        seed,
        names=names,
        images=images(predictions),
        advance=reporter.advance,
        keep=store.predictions.write_values,
    )
    for absent in fresh.absent:
        say(f"{absent.id} cannot be computed: {absent.reason}")
    merged = _merged(record, task, names, fresh)
    # A reason in other words is no news: a record is superseded by a number alone.
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
    has = {part.id for part in values if part.slice == "all"}
    absent = [part for part in record.absent if part.id not in names] + fresh.absent
    order = {name: place for place, name in enumerate(task.metrics)}
    values.sort(key=lambda part: order.get(part.id, len(order)))
    return Scores(values, [part for part in absent if part.id not in has])


def rescore_store(
    store: Store,
    plugins: Plugins,
    facts: ProcessFacts,
    say: Callable[[str], object],
    *,
    fail: Callable[[str], object] | None = None,
    roots: DataRoots | None = None,
    device: str = "cpu",
    further: Sequence[str] = (),
) -> list[Record]:
    """Rescore every current record of a store whose task is known; return those that were made.

    :param say: called with a line on each record that is made, and of what cannot be computed, with the reason.
    :param fail: called with a line on each record whose predictions are missing or damaged; by default ``say``.
    :param roots: where data sets lie, for metrics that compare generated images with images of the data; None opens no
        data set.
    :param device: where feature extractors run.
    :param further: metrics to compute beside those of a record's task, such as one of a plugin.
    """
    made: list[Record] = []
    extractors = ExtractorLoader(plugins, device)
    opened = _OpenedTasks(roots, say)
    cache = EmbeddingCache(store.cache / FILE)
    try:
        for record in store.scan().current():
            if record.task.id not in plugins.tasks or record.dataset is None:
                continue
            task = plugins.tasks[record.task.id]
            name = f"{record.task.id} × {record.backend.id}"
            if task.protocol.hash != record.protocol.hash:
                say(f"{name}: measured by another protocol than today's, left as it is")
                continue
            names = outdated(
                record,
                task,
                plugins.metrics,
                fingerprint=extractors.fingerprint,
                can_load=extractors.can_load,
                further=further,
            )
            if not names:
                continue
            try:
                new = rescored(
                    record,
                    task,
                    names,
                    question_of(record),
                    plugins,
                    store,
                    facts,
                    images=partial(
                        _images_of, task=task, opened=opened, store=store, extractors=extractors, cache=cache
                    ),
                    say=_about(name, say),
                )
            except FashionBenchError as error:
                (fail if fail is not None and isinstance(error, StoreError) else say)(f"{name}: {error}")
                continue
            if new is not record:
                made.append(new)
                say(f"{name}: computed {', '.join(n for n in names if new.metric(n) != record.metric(n))}")
    finally:
        cache.close()
    return made


def _about(name: str, say: Callable[[str], object]) -> Callable[[str], object]:
    """Return ``say`` with the name of a cell before each text."""
    return lambda text: say(f"{name}: {text}")


def _images_of(
    predictions: Predictions,
    task: TaskSpec,
    opened: _OpenedTasks,
    store: Store,
    extractors: ExtractorLoader,
    cache: EmbeddingCache,
) -> ImageAccess | None:
    return image_access(predictions, opened(task, predictions), store, extractors, cache, Silent().advance)


class _OpenedTasks:
    """Opens the tasks whose images are asked for, each once; says why where that cannot be done."""

    def __init__(self, roots: DataRoots | None, say: Callable[[str], object]) -> None:
        self._roots = roots
        self._say = say
        self._tasks: dict[str, Task | None] = {}

    def __call__(self, spec: TaskSpec, predictions: Predictions) -> Task | None:
        if self._roots is None or predictions.schema_id != image_schema.SCHEMA:
            return None
        if spec.id not in self._tasks:
            try:
                self._tasks[spec.id] = cast("Task", cast("Any", resolve(spec.target))(spec, self._roots))
            except BaseException as error:  # the metrics that need no data are computed all the same
                self._say(f"{spec.id}: its data cannot be opened: {as_error(error)}")
                self._tasks[spec.id] = None
        return self._tasks[spec.id]


def question_of(record: Record) -> str:
    """Return the seed text of a record's intervals, as the cell that made it had it."""
    assert record.dataset is not None  # noqa: S101
    parts = [record.protocol.hash, record.dataset.fingerprint, record.backend.id, record.backend.config_hash]
    return digest([*parts, record.decoding.seed])
