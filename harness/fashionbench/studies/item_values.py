"""The values of a metric by item, such as the reciprocal rank of each query, from stored predictions."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.errors import FashionBenchError, MetricError, as_error, text_of
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.scoring import cutoffs_of, metric_spec
from fashionbench.predictions.images import SCHEMA as IMAGES
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import MetricPart, Record
    from fashionbench.records.store import Store
    from fashionbench.specs import MetricSpec


_INFLUENCE = "influence"


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemValues:
    """One value an item.

    :param average: over what the metric's value is the mean: ``queries``, ``slices``, or the name of one slice.
    :param statistic: ``mean`` or ``median``.
    :param values: float64 [N], in the order of ``ids``.
    """

    metric: str
    unit: str
    higher_is_better: bool
    average: str
    statistic: str
    ids: tuple[str, ...]
    slices: tuple[str, ...]
    clusters: tuple[str, ...]
    values: NDArray[np.float64]

    def of(self, rows: NDArray[np.bool_]) -> ItemValues:
        """Return some of the items."""
        chosen = np.flatnonzero(rows).tolist()
        ids, slices, clusters = (tuple(names[at] for at in chosen) for names in (self.ids, self.slices, self.clusters))
        return ItemValues(
            metric=self.metric,
            unit=self.unit,
            higher_is_better=self.higher_is_better,
            average="queries",
            statistic=self.statistic,
            ids=ids,
            slices=slices,
            clusters=clusters,
            values=self.values[rows],
        )

    def of_slice(self, label: str) -> tuple[ItemValues, tuple[str, ...] | None] | None:
        """Return the items of a slice, ``all`` for the metric's main value, and the strata that it is averaged over.

        :returns: the items, and their strata, None where the value is the plain mean; None for no such slice.
        """
        slices = np.asarray(self.slices, dtype=object)
        if label != "all":
            rows = slices == label
            return (self.of(rows), None) if rows.any() else None
        if self.average in {"queries", "slices"}:
            return self, self.slices if self.average == "slices" else None
        rows = slices == self.average
        return (self.of(rows), None) if rows.any() else None


def item_values(
    record: Record, metric: str, store: Store, plugins: Plugins, *, table: pa.Table | None = None
) -> ItemValues | None:
    """Read or compute a metric by item; None where it has no value by item, as BLEU and FID have none.

    The values of metrics of images are read, since they need the images of the data set; a record from before they were
    kept has none.

    :param metric: its name, such as ``mrr`` or ``hit@10``.
    :param table: the record's predictions, where they have been read.
    :raises StoreError: where the predictions are missing or damaged.
    :raises MetricError: where the record has no predictions, or the metric cannot be computed from them alone.
    :raises UnknownNameError: where no plugin registered the metric.
    """
    if record.predictions is None:
        raise MetricError(f"record {record.record_id} has no predictions", remedy="run the cell again with --rerun")
    spec = metric_spec(metric, plugins.metrics)
    if spec.predictions != record.predictions.schema_id:
        msg = f"{metric} reads {spec.predictions}, and the predictions are {record.predictions.schema_id}"
        raise MetricError(msg, remedy="name a metric that the record has")
    kept = next((part.values for part in record.metrics if part.id == metric and part.values), "")
    if kept:
        stored = store.predictions.read_values(kept)
        return None if _facts(stored)["statistic"] == _INFLUENCE else _kept(stored, metric, spec)
    if spec.predictions == IMAGES or not spec.by_item:
        return None
    if table is None:
        table = store.read_predictions(record.predictions)
    target: Any = resolve(spec.target)
    try:
        outcome: Outcome = target(table, MetricArguments(cutoffs_of(metric), record.card.fields))
    except FashionBenchError:
        raise
    except BaseException as raised:
        error = as_error(raised)
        raise MetricError(f"{metric} cannot be computed by item: {type(error).__name__}: {text_of(error)}") from error
    if outcome.values is None:
        return None
    if outcome.rows is not None:
        table = table.filter(outcome.rows)
    ids = table.column(table.schema.names[0]).to_pylist()
    return ItemValues(
        metric=metric,
        unit=spec.unit,
        higher_is_better=spec.higher_is_better,
        average=outcome.average or str(record.card.fields["average"]),
        statistic=outcome.statistic,
        ids=tuple(ids),
        slices=tuple(table.column("slice").to_pylist()),
        clusters=tuple(table.column("cluster").to_pylist()),
        values=np.asarray(outcome.values, dtype=np.float64),
    )


def influences(part: MetricPart, store: Store) -> dict[str, float]:
    """Read by how much each unit, such as a person, moves a value of the whole set; empty where that is not known.

    :raises StoreError: where the file is missing or damaged.
    """
    if not part.values:
        return {}
    table = store.predictions.read_values(part.values)
    if _facts(table)["statistic"] != _INFLUENCE:
        return {}
    return dict(zip(table.column("item").to_pylist(), table.column("value").to_pylist(), strict=True))


def _facts(table: pa.Table) -> dict[str, str]:
    return {name.decode(): text.decode() for name, text in (table.schema.metadata or {}).items()}


def _kept(table: pa.Table, metric: str, spec: MetricSpec) -> ItemValues:
    facts = _facts(table)
    return ItemValues(
        metric=metric,
        unit=spec.unit,
        higher_is_better=spec.higher_is_better,
        average=facts["average"],
        statistic=facts["statistic"],
        ids=tuple(table.column("item").to_pylist()),
        slices=tuple(table.column("slice").to_pylist()),
        clusters=tuple(table.column("cluster").to_pylist()),
        values=table.column("value").to_numpy(),
    )


def item_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean over seeds of float64 [S, N], by item: where all seeds agree, their very value.

    The sum of three equal numbers over three may be another one in its last bit, and systems that answer alike would
    seem to win and lose.
    """
    means: NDArray[np.float64] = np.where(np.ptp(values, axis=0) == 0, values[0], values.mean(axis=0))
    return means


def gains(before: NDArray[np.float64], after: NDArray[np.float64], *, higher_is_better: bool) -> NDArray[np.float64]:
    """Return by how much each item got better, float64 [N], from float64 [S, N] and [T, N]; rounding is no gain."""
    one, two = item_means(before), item_means(after)
    gain = (1 if higher_is_better else -1) * (two - one)
    gain[np.isclose(one, two, rtol=1e-12, atol=1e-12)] = 0.0
    return gain


def median_over_seeds(values: NDArray[np.float64], strata: Sequence[str] | None) -> float:
    """Return the mean over seeds of the median of items of float64 [S, N]; of strata the mean of their medians."""
    if strata is None:
        return fmean(np.median(values, axis=1).tolist())
    labels = np.asarray(strata, dtype=object)
    return fmean(fmean(np.median(values[:, labels == label], axis=1).tolist()) for label in sorted(set(strata)))


def mean_over_seeds(values: NDArray[np.float64], strata: Sequence[str] | None) -> float:
    """Return the mean of float64 [S, N] over seeds and items; of items as the mean of the means of their strata."""
    items = item_means(values)
    if strata is None:
        return float(items.mean())
    labels = np.asarray(strata, dtype=object)
    return fmean(float(items[labels == label].mean()) for label in sorted(set(strata)))
