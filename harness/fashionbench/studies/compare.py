"""Compare two systems on the tasks that both were measured on: differences, intervals, p-values, wins and losses.

The first system is the baseline. Metrics with a value an item are compared item by item: clusters of items are swapped
for the p-value and resampled for the interval; where a system has several seeds, the seeds vary as well. Metrics
of the whole set, such as BLEU or FID, are compared in ``whole_sets``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.boards.signature import difference, signature_of
from fashionbench.errors import ConfigError, MetricError, did_you_mean, first_names
from fashionbench.seeding import seed_of
from fashionbench.specs import Column
from fashionbench.statistics.paired import holm, paired_interval, paired_randomisation
from fashionbench.statistics.seeds import seed_difference_interval, seed_difference_p_value
from fashionbench.studies.comparison import Comparison, Difference, Flip, System
from fashionbench.studies.item_values import (
    ItemValues,
    gains,
    item_means,
    item_values,
    mean_over_seeds,
    median_over_seeds,
)
from fashionbench.studies.whole_sets import whole_set

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.statistics.bootstrap import Average

#: How many items whose value changed are kept for people to look at.
SHOWN = 50


def compare_systems(
    baseline: System,
    candidate: System,
    plugins: Plugins,
    *,
    metrics: Sequence[str] = (),
    keep: Callable[[str], bool] = lambda _task: True,
) -> Comparison:
    """Compare two systems on every task that both were measured on.

    :param metrics: the metrics to compare; by default those that both have.
    :param keep: tells of a task whether to compare it.
    :raises ConfigError: where a side has two records of one task and seed; where the systems share no task, or were
        measured alike on none of those that they share; or where they do not both have a metric. The message names
        what differs, or the metrics that both have.
    """
    tasks = [
        task
        for task in dict.fromkeys(record.task.id for record in baseline.records)
        if keep(task) and any(record.task.id == task for record in candidate.records)
    ]
    if not tasks:
        has = first_names(sorted({record.task.id for record in candidate.records if keep(record.task.id)})) or "none"
        msg = f"{baseline.label} and {candidate.label} share no task; the second was measured on: {has}"
        raise ConfigError(msg, remedy="run both on one task")
    _check_metrics(metrics, tasks, (baseline, candidate))
    differences: list[Difference] = []
    flips: list[Flip] = []
    left_out: list[str] = []
    for task in tasks:
        sides = [[r for r in side.records if r.task.id == task] for side in (baseline, candidate)]
        _check_seeds(task, (baseline, candidate), sides)
        shared = [part.id for part in sides[0][0].metrics]
        names = [name for name in dict.fromkeys(metrics or shared) if all(_has(name, side) for side in sides)]
        left_out += [f"{task}: not both have {name}" for name in metrics if name not in names]
        reasons: dict[str, list[str]] = {}
        for place, name in enumerate(names):
            column = Column(task=task, metric=name)
            fault = _unlike(column, sides)
            if fault:
                reasons.setdefault(fault, []).append(name)
                continue
            try:
                made, changed = _compared(name, sides, (baseline.store, candidate.store), plugins)
            except MetricError as error:
                reasons.setdefault(str(error), []).append(name)
                continue
            differences += [replace(one, task=task) for one in made]
            if place == 0:
                records = sides[0][0].record_id, sides[1][0].record_id
                flips += [replace(one, task=task, records=records) for one in changed]
        left_out += _said_once(task, reasons, len(names))
    if not differences:
        raise ConfigError(
            f"{baseline.label} and {candidate.label} cannot be compared: {first_names(left_out)}",
            remedy="run both again with the same data, protocol and version",
        )
    return Comparison(
        baseline=baseline.label,
        candidate=candidate.label,
        differences=tuple(differences),
        flips=tuple(flips),
        left_out=tuple(left_out),
    )


def _said_once(task: str, reasons: Mapping[str, Sequence[str]], metrics: int) -> list[str]:
    """Say each reason once a task, with the metrics that it keeps from being compared, or with none for all of them."""
    return [
        f"{task}{' ' + ', '.join(names) if len(names) < metrics or metrics == 1 else ''}: {reason}"
        for reason, names in reasons.items()
    ]


def _check_metrics(metrics: Sequence[str], tasks: Sequence[str], systems: Sequence[System]) -> None:
    """Check that both systems have each metric on some task that they share.

    :raises ConfigError: naming the metrics that both have.
    """
    both: dict[str, None] = {}
    for task in tasks:
        sides = [[r for r in side.records if r.task.id == task] for side in systems]
        both |= {part.id: None for part in sides[0][0].metrics if all(_has(part.id, side) for side in sides)}
    for name in metrics:
        if name not in both:
            msg = f"{systems[0].label} and {systems[1].label} do not both have {name!r}{did_you_mean(name, both)}"
            raise ConfigError(msg, remedy=f"both have: {', '.join(both) or 'no metric'}")


def _check_seeds(task: str, systems: Sequence[System], sides: Sequence[Sequence[Record]]) -> None:
    """Check that records of one side are seeds of one system.

    :raises ConfigError: where a seed stands twice: records of two systems would pass as two seeds of one.
    """
    for system, side in zip(systems, sides, strict=True):
        seeds = [record.decoding.seed for record in side]
        twice = sorted({seed for seed in seeds if seeds.count(seed) > 1})
        if twice:
            msg = f"{system.label} has several records of {task} with seed {twice[0]}"
            raise ConfigError(msg, remedy="give the records of one backend with one set of options")


def _has(name: str, records: Sequence[Record]) -> bool:
    return all(any(part.id == name for part in record.metrics) for record in records)


def _unlike(column: Column, sides: Sequence[Sequence[Record]]) -> str:
    """Say in what the records of both sides were measured otherwise; empty where in nothing."""
    records = [record for side in sides for record in side]
    slices = [part.slice for part in records[0].metrics if part.id == column.metric]
    shown = Column(task=column.task, metric=column.metric, slice="all" if "all" in slices else slices[0])
    signatures = [signature_of(shown, record) for record in records]
    for signature in signatures:
        if signature is None or signatures[0] is None:
            return f"slice {shown.slice} is missing on one side"
        if signature != signatures[0]:
            return difference(signature, signatures[0], records).replace("with the main table", "with the baseline")
    partial = {record.status for record in records}
    return "" if len(partial) == 1 else "one side is a limited run"


def _compared(
    name: str, sides: Sequence[Sequence[Record]], stores: tuple[Store, Store], plugins: Plugins
) -> tuple[list[Difference], list[Flip]]:
    values = [
        [item_values(record, name, store, plugins) for record in side]
        for side, store in zip(sides, stores, strict=True)
    ]
    items = [[one for one in side if one is not None] for side in values]
    if any(len(some) != len(every) for some, every in zip(items, sides, strict=True)):
        return whole_set(name, sides, stores), []
    first = items[0][0]
    for other in (*items[0][1:], *items[1]):
        if (other.ids, other.slices) != (first.ids, first.slices):
            strange = first_names(sorted(set(other.ids) ^ set(first.ids))) or "in another order"
            raise MetricError(f"the items are not the same: {strange}")
    seed = seed_of("compare", *sorted(record.record_id for side in sides for record in side), name)
    arrays = [np.stack([one.values for one in side]) for side in items]
    slices = np.asarray(first.slices, dtype=object)
    names = sorted(set(first.slices))
    parts = [("all", np.ones(len(slices), dtype=bool))] if first.average in {"queries", "slices"} else []
    if first.average in names:
        parts = [("all", slices == first.average)]
    if len(names) > 1 or not parts:
        parts += [(label, slices == label) for label in names]
    made = [_paired(label, first, rows, arrays, seed) for label, rows in parts]
    by_slice = [at for at, one in enumerate(made) if one.slice != "all" and one.p_value is not None]
    adjusted = holm([p for at in by_slice if (p := made[at].p_value) is not None])
    for at, p_value in zip(by_slice, adjusted.tolist(), strict=True):
        made[at] = replace(made[at], p_value=p_value)
    return made, _flips(first, arrays)


def _paired(
    label: str,
    items: ItemValues,
    rows: NDArray[np.bool_],
    arrays: Sequence[NDArray[np.float64]],
    seed: int,
) -> Difference:
    base, new = (array[:, rows] for array in arrays)
    part = items.of(rows)
    average: Average = "strata" if label == "all" and items.average == "slices" else "items"
    strata = part.slices if average == "strata" else None
    gain = gains(base, new, higher_is_better=items.higher_is_better)
    ends = [median_over_seeds(side, strata) for side in (base, new)]
    found = Difference(
        task="",
        metric=items.metric,
        slice=label,
        unit=items.unit,
        higher_is_better=items.higher_is_better,
        n=int(rows.sum()),
        seeds=(len(base), len(new)),
        baseline=ends[0],
        candidate=ends[1],
        interval=None,
        p_value=None,
        method="no test of a difference of medians",
        wins=int((gain > 0).sum()),
        ties=int((gain == 0).sum()),
        losses=int((gain < 0).sum()),
    )
    if items.statistic == "median":
        return found
    found = replace(found, baseline=mean_over_seeds(base, strata), candidate=mean_over_seeds(new, strata))
    if max(found.seeds) > 1:
        interval = seed_difference_interval(new, base, clusters=part.clusters, strata=strata, average=average)
        p_value = seed_difference_p_value(new, base, clusters=part.clusters, strata=strata, average=average)
        return replace(found, interval=interval.bounds, p_value=p_value, method=interval.method)
    sides = new[0], base[0]
    interval = paired_interval(*sides, clusters=part.clusters, strata=strata, average=average, seed=seed)
    test = paired_randomisation(*sides, clusters=part.clusters, strata=strata, average=average, seed=seed)
    method = f"{interval.method}; {test.method}"
    return replace(found, interval=interval.bounds, p_value=test.p_value, method=method)


def _flips(items: ItemValues, arrays: Sequence[NDArray[np.float64]]) -> list[Flip]:
    """Return the items that changed most, losses first."""
    base, new = (item_means(array) for array in arrays)
    gain = gains(*arrays, higher_is_better=items.higher_is_better)
    order = sorted(np.flatnonzero(gain).tolist(), key=lambda at: (-abs(gain[at]), gain[at], items.ids[at]))
    chosen = sorted(order[:SHOWN], key=lambda at: (gain[at], items.ids[at]))
    return [
        Flip(
            task="",
            metric=items.metric,
            slice=items.slices[at],
            item=items.ids[at],
            baseline=float(base[at]),
            candidate=float(new[at]),
        )
        for at in chosen
    ]
