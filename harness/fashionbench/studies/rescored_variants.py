"""Values of stored systems under each way of measuring, from records, predictions and stored embeddings alone."""

from __future__ import annotations

from math import isclose
from typing import TYPE_CHECKING, Any, cast

from fashionbench.boards.labels import row_label
from fashionbench.boards.selection import RowKey, row_keys, system_of
from fashionbench.errors import FashionBenchError
from fashionbench.metrics.scoring import score
from fashionbench.predictions.base import Predictions
from fashionbench.records.order import in_order
from fashionbench.runner.rescoring import question_of
from fashionbench.runner.stored_embeddings import StoredSession
from fashionbench.specs import resolve
from fashionbench.studies.sensitivity import Measured, System

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.task import Task
    from fashionbench.specs import TaskSpec

#: A value that was computed from the cache is that of the record, but for the last bits.
_TOLERANCE = 1e-9


def systems_of(records: Sequence[Record]) -> list[tuple[System, dict[int, Record]]]:
    """Bring records of one task together by system, each with its records by seed; of one seed the newest counts."""
    groups: dict[RowKey, dict[int, Record]] = {}
    key_of = row_keys(records)
    for record in in_order(records):
        groups.setdefault(key_of(record), {})[record.decoding.seed] = record
    found: list[tuple[System, dict[int, Record]]] = []
    for key in dict.fromkeys(key_of(record) for record in records):
        seeds = dict(sorted(groups[key].items()))
        first = next(iter(seeds.values()))
        said = f", mean of {len(seeds)} seeds" if len(seeds) > 1 else ""
        found.append((System(row_label(first, records) + said, first.backend.control, len(seeds)), seeds))
    return found


class RescoredVariants:
    """Computes a metric of stored systems under variants of their task; no model is asked.

    :param metric: the metric, computed anew for every value.
    :param roots: where the data sets lie; a variant with another gallery or other lists needs the annotations.
    """

    def __init__(
        self, metric: str, store: Store, plugins: Plugins, roots: DataRoots, cache: EmbeddingCache, index: FileIndex
    ) -> None:
        self._metric = metric
        self._store = store
        self._plugins = plugins
        self._roots = roots
        self._cache = cache
        self._index = index
        self._current = store.scan().current()
        self._tasks: dict[str, Task | FashionBenchError] = {}
        self._sound: dict[str, str] = {}

    def measured(self, record: Record, variant: TaskSpec) -> Measured:
        """Return the value of a record's system under a variant of its task, or why there is none."""
        try:
            if variant.id == record.task.id:
                return self._of_record(record, variant)
            twin = self._recorded(record, variant)
            if twin is not None:
                return self._of_record(twin, variant)
            base = self._plugins.tasks[record.task.id]
            if record.record_id not in self._sound:
                self._sound[record.record_id] = self._compared(record, base)
            if self._sound[record.record_id]:
                return Measured(reason=self._sound[record.record_id])
            return self._value(self._from_embeddings(record, variant), variant, record, "embeddings")
        except FashionBenchError as error:
            return Measured(reason=error.message)

    def _recorded(self, record: Record, variant: TaskSpec) -> Record | None:
        """Find a record of the same system, measured under a variant as it is today."""
        found = [
            other
            for other in self._current
            if other.task.id == variant.id
            and other.protocol.hash == variant.protocol.hash
            and other.predictions is not None
            and system_of(other) == system_of(record)
        ]
        return found[-1] if found else None

    def _of_record(self, record: Record, variant: TaskSpec) -> Measured:
        assert record.predictions is not None  # noqa: S101
        table = self._store.read_predictions(record.predictions)
        return self._value(Predictions(record.predictions.schema_id, table), variant, record, "record")

    def _value(self, predictions: Predictions, variant: TaskSpec, record: Record, source: str) -> Measured:
        scores = score(predictions, variant, self._plugins.metrics, question_of(record), names=[self._metric])
        part = next((part for part in scores.metrics if part.slice == "all"), None)
        if part is None:
            return Measured(reason=scores.absent[0].reason)
        return Measured(part.value, source)

    def _compared(self, record: Record, base: TaskSpec) -> str:
        """Say why the stored embeddings are not those of a record; nothing where they give its value."""
        known = self._of_record(record, base).value
        again = self._value(self._from_embeddings(record, base), base, record, "embeddings").value
        if known is None or again is None or not isclose(known, again, rel_tol=_TOLERANCE, abs_tol=1e-12):
            return f"the stored embeddings give {again!r} where the record has {known!r}: they are of other weights"
        return ""

    def _from_embeddings(self, record: Record, variant: TaskSpec) -> Predictions:
        backend = record.backend.id
        if backend not in self._plugins.backends or record.attestation != "measured":
            raise FashionBenchError("it was imported, and its embeddings are not stored")
        task = self._opened(variant)
        spec = self._plugins.backends[backend]
        session = StoredSession(spec, record, self._cache, self._index)
        return task.predict(session)

    def _opened(self, spec: TaskSpec) -> Task:
        """Open a task once; why it cannot be opened is the same the next time."""
        if spec.id not in self._tasks:
            try:
                self._tasks[spec.id] = cast("Task", cast("Any", resolve(spec.target))(spec, self._roots))
            except FashionBenchError as error:
                self._tasks[spec.id] = error
        found = self._tasks[spec.id]
        if isinstance(found, FashionBenchError):
            raise found
        return found
