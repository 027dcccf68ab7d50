"""Compute the metrics of a task from stored predictions, with intervals and slices; no backend is needed."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fashionbench.errors import FashionBenchError, MetricError, UnknownNameError, as_error, text_of, trace
from fashionbench.extractors.base import NamesWeights
from fashionbench.files import stop_if_full
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.metrics.slices import SlicedImages, slice_tables
from fashionbench.predictions.ranking import SCHEMA as RANKING
from fashionbench.records.ranges import metric_fault
from fashionbench.records.schema import AbsentMetricPart, MetricPart
from fashionbench.records.stored_text import stored_text
from fashionbench.seeding import seed_of
from fashionbench.specs import MetricSpec, resolve
from fashionbench.statistics.sampling import sampling_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.metrics.image_access import ImageAccess
    from fashionbench.plugins.registry import Registry
    from fashionbench.predictions.base import Predictions
    from fashionbench.specs import TaskSpec

_CUT_OFF = re.compile(r"@(\d+(?:,\d+)*)")


@dataclass(slots=True)
class Scores:
    """The metrics of one cell: those with a value, and those without, with the reason."""

    metrics: list[MetricPart]
    absent: list[AbsentMetricPart]


def metric_spec(name: str, registry: Registry[MetricSpec]) -> MetricSpec:
    """Find the specification of a metric by a name with or without a cut-off.

    :raises UnknownNameError: where there is none.
    """
    for candidate in (name, _CUT_OFF.sub("@k", name)):
        if candidate in registry:
            return registry[candidate]
    raise UnknownNameError("metric", name, registry.names())


def cutoffs_of(name: str) -> tuple[int, ...]:
    """Return the k of a metric's name, such as 10 and 50 of ``mean-recall@10,50``; empty where it has none."""
    found = _CUT_OFF.search(name)
    return tuple(map(int, found.group(1).split(","))) if found else ()


def known_metrics(names: Iterable[str], registry: Registry[MetricSpec]) -> list[MetricSpec]:
    """Find the specifications of metrics; names that nobody registered are left out."""
    found: list[MetricSpec] = []
    for name in names:
        with suppress(UnknownNameError):
            found.append(metric_spec(name, registry))
    return found


def _no_progress(count: int, kind: str) -> None:
    """Take no note of a metric that is done."""


def score(
    predictions: Predictions,
    task: TaskSpec,
    registry: Registry[MetricSpec],
    seed: str,
    *,
    names: Sequence[str] | None = None,
    images: ImageAccess | None = None,
    advance: Callable[[int, str], object] = _no_progress,
    keep: Callable[[pa.Table], str] | None = None,
) -> Scores:
    """Compute the metrics of a task; one that raises anything is absent, with its reason.

    :param seed: a text that the bootstrap is seeded of, with the metric's name, so that two readers get one interval.
    :param names: the metrics to compute, by default all of the task.
    :param images: the images behind predictions of the schema ``images/2``; None for others.
    :param advance: called with 1 and ``metric`` after each.
    :param keep: stores the values by item of a metric and returns their checksum; None keeps none. Those of a ranking
        follow from its predictions at once, and are not kept.
    """
    scores = Scores([], [])
    for name in task.metrics if names is None else names:
        try:
            parts, unknown = _parts(name, metric_spec(name, registry), predictions, task, seed, images, keep)
            impossible = next(filter(None, map(metric_fault, parts)), "")
            if impossible:
                raise MetricError(impossible, remedy="correct the metric, or the unit in its specification")  # noqa: TRY301
            scores.metrics += parts
            if not any(part.slice == "all" for part in parts):
                scores.absent.append(AbsentMetricPart(id=name, reason=unknown))
        except FashionBenchError as error:
            stop_if_full(error)
            scores.absent.append(AbsentMetricPart(id=name, reason=stored_text(str(error))))
        except BaseException as raised:  # a metric's bug must not cost the predictions, nor the other metrics
            as_error(raised)
            stop_if_full(raised)
            reason = ": ".join(filter(None, (type(raised).__name__, text_of(raised))))
            trail = stored_text(trace(raised))
            scores.absent.append(AbsentMetricPart(id=name, reason=stored_text(reason), traceback=trail))
        advance(1, "metric")
    return scores


def _parts(
    name: str,
    spec: MetricSpec,
    predictions: Predictions,
    task: TaskSpec,
    seed: str,
    images: ImageAccess | None,
    keep: Callable[[pa.Table], str] | None,
) -> tuple[list[MetricPart], str]:
    """Compute one metric; also say why there is no value of the whole, where there is none."""
    if spec.predictions != predictions.schema_id:
        msg = f"it reads {spec.predictions}, and the predictions are {predictions.schema_id}"
        raise MetricError(msg, remedy="run the cell again with --rerun")
    table = predictions.table
    card = task.protocol.fields
    arguments = MetricArguments(cutoffs_of(name), card, images)
    metric: Any = resolve(spec.target)
    outcome: Outcome = metric(table, arguments)
    fixed = {
        "id": name,
        "implementation": f"{spec.implementation}@{outcome.weights}" if outcome.weights else spec.implementation,
        "unit": spec.unit,
        "higher_is_better": spec.higher_is_better,
        "weights": outcome.published or _published(spec, images),
        "biased_below": spec.biased_below,
    }
    if outcome.values is None:
        if outcome.value is None:
            raise MetricError(f"{name} gave no value")
        parts = {"all": _whole(fixed, outcome, table)}
        if spec.by_slice and images is not None:
            for label, rows in slice_tables(table).items():
                sliced = replace(arguments, images=SlicedImages(images, table, label))
                try:
                    parts[label] = _whole({**fixed, "slice": label}, metric(rows, sliced), rows)
                except MetricError as error:  # of too few images; the whole has a value all the same
                    said = f"{parts['all'].interval_method}; no value of {label}: {error.message}"
                    parts["all"] = parts["all"].model_copy(update={"interval_method": said})
        if keep is not None and outcome.influences:
            parts["all"] = parts["all"].model_copy(update={"values": keep(_influences_table(outcome.influences))})
        return list(parts.values()), ""
    average = outcome.average or str(card["average"])
    if outcome.rows is not None:
        table = table.filter(outcome.rows)
    without = outcome.unknown or f"the predictions have no slice {average}, of which the headline is"
    made = _by_row(fixed, outcome, table, average, seed_of(seed, name), graded=spec.graded)
    if keep is not None and predictions.schema_id != RANKING and any(part.slice == "all" for part in made):
        stored = keep(values_table(outcome.values, table, average, outcome.statistic))
        made = [part.model_copy(update={"values": stored}) if part.slice == "all" else part for part in made]
    return made, without


def values_table(values: NDArray[np.float64], table: pa.Table, average: str, statistic: str) -> pa.Table:
    """Make the table of a metric's values by item, as it is stored: ``item``, ``slice``, ``cluster``, ``value``.

    :param table: the rows of the predictions that the values are of; their first column is the id.
    """
    import pyarrow as pa  # noqa: PLC0415

    columns = [table.column(table.schema.names[0]), table.column("slice"), table.column("cluster"), pa.array(values)]
    made = pa.table(columns, names=["item", "slice", "cluster", "value"])
    return made.replace_schema_metadata({"average": average, "statistic": statistic})


def _influences_table(influences: Mapping[str, float]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415

    made = pa.table({"item": list(influences), "value": list(influences.values())})
    return made.replace_schema_metadata({"statistic": "influence"})


def _whole(fixed: dict[str, Any], outcome: Outcome, table: pa.Table) -> MetricPart:
    """Make the part of a metric that has one value for all rows of a table."""
    given = {"value": outcome.value, "interval": outcome.interval, "interval_method": outcome.method}
    given["standard_error"] = outcome.standard_error
    n = table.num_rows if outcome.n is None else outcome.n
    return MetricPart.model_validate({**fixed, **given, "n": n})


def _published(spec: MetricSpec, images: ImageAccess | None) -> str:
    """Name the weights of the extractors that a metric needs; empty where they do not say."""
    extractors = [images.extractor(name) for name in spec.extractors] if images is not None else []
    return " and ".join(extractor.published for extractor in extractors if isinstance(extractor, NamesWeights))


def _by_row(
    fixed: dict[str, Any], outcome: Outcome, table: pa.Table, average: str, seed: int, *, graded: bool
) -> list[MetricPart]:
    """Bring rows together: over all ``queries``, over ``slices`` and then their mean, or over one slice by its name."""
    import numpy as np  # noqa: PLC0415

    values = outcome.values
    assert values is not None  # noqa: S101
    clusters = table.column("cluster").to_pylist()
    slices = np.asarray(table.column("slice").to_pylist(), dtype=object)
    names = sorted(set(slices.tolist()))
    share = fixed["unit"] == "fraction" and values.size and values.min() >= 0 and values.max() <= 1
    limits = (0.0, 1.0) if share else None
    reduce = np.mean if outcome.statistic == "mean" else np.median

    def part(rows: NDArray[np.bool_], label: str, strata: list[str] | None) -> list[MetricPart]:
        chosen = values[rows]
        groups = [chosen] if strata is None else [values[slices == s] for s in names]
        value = float(np.mean([reduce(group) for group in groups]))
        if not np.isfinite(value):
            return []
        lower = outcome.at_least is not None and bool(outcome.at_least[rows].any())
        bounds, method = None, f"{'a lower bound' if lower else 'no interval'}: {outcome.unknown}"
        if not lower and np.isfinite(chosen).all():
            interval = sampling_interval(
                chosen,
                clusters=[c for c, use in zip(clusters, rows, strict=True) if use],
                strata=strata,
                average="items" if strata is None else "strata",
                statistic=outcome.statistic,
                seed=seed,
                bounds=limits,
                graded=graded,
            )
            bounds, method = interval.bounds, interval.method
        made = {
            **fixed,
            "value": value,
            "n": len(chosen) if label != "all" or outcome.n is None else outcome.n,
            "bound": "lower" if lower else "",
            "interval": bounds,
            "interval_method": "; ".join(part for part in (method, outcome.method) if part),
            "slice": label,
        }
        return [MetricPart.model_validate(made)]

    everything = np.ones(len(values), dtype=bool)
    if average in {"queries", "slices"}:
        parts = part(everything, "all", slices.tolist() if average == "slices" else None)
    else:
        # One slice is the headline; imported predictions may hold another one alone, and then there is no headline.
        parts = part(slices == average, "all", None) if average in names else []
    if len(names) > 1 or (average not in {"queries", "slices", *names}):
        parts += [one for name in names for one in part(slices == name, name, None)]
    if "further_slices" in table.column_names:
        further = [frozenset(names or ()) for names in table.column("further_slices").to_pylist()]
        for name in sorted(frozenset().union(*further)):
            parts += part(np.array([name in names for names in further]), name, None)
    return parts
