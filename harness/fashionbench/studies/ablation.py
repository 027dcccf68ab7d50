"""Run an ablation study, and estimate the effect of each change against the base.

Every variant is run with every seed; a seed is that of the training too. The effect of a variant is its difference from
the base on the same items, with an interval over seeds and clusters; p-values are adjusted over all variants of a task
and metric (``variant_tests``). A variant that is the base is named, and is no comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError, FashionBenchError
from fashionbench.progress import PhaseReporter, Silent
from fashionbench.studies.compare import compare_systems
from fashionbench.studies.comparison import Difference, System
from fashionbench.studies.study import whole_run
from fashionbench.studies.variant_tests import adjusted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.config import ExecutorChoice, RunConfig
    from fashionbench.studies.distinct import Systems
    from fashionbench.studies.study import Study, Variant

#: Below so many seeds no variant is called better than the base.
LEAST_SEEDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a change does to one metric of one task.

    :param differences: variant minus base; None where it could not be compared, and ``reason`` says why.
    :param adjustment: how its p-value was adjusted for there being several variants.
    :param verdict: ``better``, ``worse`` or ``not told apart`` at the 5 % level over all variants; ``too few seeds``
        where that cannot be said.
    """

    variant: Variant
    task: str
    metric: str
    difference: Difference | None
    verdict: str
    reason: str = ""
    adjustment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemCost:
    """What a variant took.

    :param seconds: of evaluation, mean over seeds.
    :param training_seconds: of training, mean over seeds; None where nothing was trained.
    :param parameters: of the model, where the backend tells.
    """

    seconds: float
    training_seconds: float | None
    parameters: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """The outcome of a study.

    :param units: variants and seeds that were run without a failure, of all that there are.
    :param failed: variants and seeds of which a cell failed.
    :param equal: names of variants that are the base.
    """

    study: Study
    base: Variant
    effects: tuple[Effect, ...]
    costs: Mapping[str, SystemCost]
    units: tuple[int, int]
    failures: tuple[str, ...]
    failed: int = 0
    equal: tuple[str, ...] = ()


class _OneTotal(PhaseReporter):
    """Progress of many runs as one: the number of cells is that of all of them."""

    def __init__(self, reporter: Reporter) -> None:
        super().__init__(reporter, "")
        self._whole = reporter

    def announce(self, cells: int) -> None:
        """Say how many cells all runs have."""
        self._whole.expect(cells)

    def expect(self, cells: int) -> None:
        """Take no note: a single run knows its own cells alone."""

    def begin(self, name: str, items: int | None = None) -> None:
        """Begin a cell."""
        self._whole.begin(name, items)

    def end(self, outcome: str) -> None:
        """End a cell."""
        self._whole.end(outcome)


def units_of(study: Study, systems: Systems) -> list[tuple[Variant, int]]:
    """List the runs of a study: variants by seeds, in one order on every machine."""
    # By seed first: a study that is stopped early has all variants of its first seeds.
    return [(variant, seed) for seed in study.seeds for variant in systems.every]


def run_units(
    units: Sequence[tuple[Variant, int]],
    study: Study,
    run: Callable[[RunConfig, Reporter], Sequence[Record]],
    count: Callable[[RunConfig], int],
    reporter: Reporter | None = None,
) -> dict[tuple[str, int], list[Record]]:
    """Run variants with seeds; a store that has their records reuses them.

    :param run: runs a configuration.
    :param count: tells how many cells a configuration has.
    :returns: the records by the variant's name and the seed.
    """
    shown = _OneTotal(reporter or Silent())
    shown.announce(sum(count(variant.run(study, seed)) for variant, seed in units))
    found: dict[tuple[str, int], list[Record]] = {}
    for place, (variant, seed) in enumerate(units, start=1):
        shown.note(f"[{place}/{len(units)}] {variant.name}, seed {seed}")
        found[variant.name, seed] = list(run(variant.run(study, seed), shown))
    return found


def run_together(
    units: Sequence[tuple[Variant, int]],
    study: Study,
    executor: ExecutorChoice,
    run: Callable[[RunConfig], Sequence[Record]],
    keys: Callable[[RunConfig], Sequence[str]],
) -> dict[tuple[str, int], list[Record]]:
    """Run variants with seeds as one run, whose cells an executor divides.

    :param run: runs a configuration; a record for each of its keys.
    :param keys: tells the keys of the cells of a configuration, in the order of their records.
    :returns: the records by the variant's name and the seed.
    """
    if not units:
        return {}
    whole = whole_run(study, units, executor)
    by_key = dict(zip(keys(whole), run(whole), strict=True))
    return {(v.name, seed): [by_key[key] for key in keys(v.run(study, seed))] for v, seed in units}


def effects_of(
    study: Study,
    systems: Systems,
    records: Mapping[tuple[str, int], Sequence[Record]],
    store: Store,
    plugins: Plugins,
) -> Ablation:
    """Compare every variant with the base.

    :param records: by variant and seed; a variant that lacks a seed of the base is compared on the seeds it has.
    :raises ConfigError: where the base has no records.
    """
    every, base = systems.every, systems.base
    sides = {v.name: [r for seed in study.seeds for r in records.get((v.name, seed), ())] for v in every}
    usable = {name: _usable(side) for name, side in sides.items()}
    if not usable[base.name]:
        reason = _why_not(sides[base.name])
        raise ConfigError(f"study {study.id}: the base has no records: {reason}", remedy="run it first")
    effects: list[Effect] = []
    for task in dict.fromkeys(record.task.id for record in usable[base.name]):
        for metric in _metrics(study, usable[base.name], task):
            effects += _of_metric(every, sides, task, metric, store, plugins)
    failures = [
        f"{name}: {record.task.id}, seed {record.decoding.seed}: {record.error.message}"
        for name, side in sides.items()
        for record in side
        if record.error is not None
    ]
    units = [records[v.name, seed] for v in every for seed in study.seeds if (v.name, seed) in records]
    failed_units = sum(any(record.error is not None for record in unit) for unit in units)
    return Ablation(
        study=study,
        base=base,
        effects=tuple(effects),
        costs={v.name: _cost(usable[v.name], store) for v in every if usable[v.name]},
        units=(len(units) - failed_units, len(every) * len(study.seeds)),
        failures=tuple(failures),
        failed=failed_units,
        equal=tuple(variant.name for variant in systems.equal),
    )


def _metrics(study: Study, records: Sequence[Record], task: str) -> list[str]:
    has = list(dict.fromkeys(part.id for record in records if record.task.id == task for part in record.metrics))
    if not study.metrics:
        return has[:1]
    return [name for name in study.metrics if name in has]


def _of_metric(
    every: Sequence[Variant],
    records: Mapping[str, Sequence[Record]],
    task: str,
    metric: str,
    store: Store,
    plugins: Plugins,
) -> list[Effect]:
    base = System(label="base", records=_usable(_of_task(records[every[0].name], task)), store=store)
    effects: list[Effect] = []
    for variant in every[1:]:
        tried = _of_task(records[variant.name], task)
        own = _usable(tried)
        fixed = {"variant": variant, "task": task, "metric": metric}
        if not own:
            effects.append(Effect(**fixed, difference=None, verdict="", reason=_why_not(tried)))  # type: ignore[arg-type]
            continue
        side = System(label=variant.name, records=own, store=store)
        try:
            compared = compare_systems(base, side, plugins, metrics=[metric]).differences
        except FashionBenchError as error:
            effects.append(Effect(**fixed, difference=None, verdict="", reason=str(error)))  # type: ignore[arg-type]
            continue
        whole = next((one for one in compared if one.slice == "all"), compared[0])
        effects.append(Effect(**fixed, difference=whole, verdict=""))  # type: ignore[arg-type]
    found = [(at, one.difference) for at, one in enumerate(effects) if one.difference is not None]
    sides = [_usable(_of_task(records[effects[at].variant.name], task)) for at, _ in found]
    made = adjusted(metric, base.records, sides, [difference for _, difference in found], store, plugins)
    for (at, _), (difference, how) in zip(found, made, strict=True):
        effects[at] = replace(effects[at], difference=difference, adjustment=how)
    return [replace(one, verdict=_verdict(one.difference)) for one in effects]


def _of_task(records: Sequence[Record], task: str) -> list[Record]:
    return [record for record in records if record.task.id == task]


def _usable(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.predictions is not None]


def _why_not(records: Sequence[Record]) -> str:
    """Say why records have no predictions to compare: the first failure, or that there are none."""
    failed = next((record.error.message for record in records if record.error is not None), None)
    return "it was not run" if failed is None else f"its run failed: {failed}"


def _verdict(difference: Difference | None) -> str:
    if difference is None or difference.p_value is None:
        return ""
    if min(difference.seeds) < LEAST_SEEDS:
        return "too few seeds"
    if difference.p_value > 0.05:
        return "not told apart"
    gain = difference.difference if difference.higher_is_better else -difference.difference
    return "better" if gain > 0 else "worse"


def _cost(records: Sequence[Record], store: Store) -> SystemCost:
    seeds = {record.decoding.seed for record in records}
    trainings = {record.training.training for record in records if record.training is not None}
    trained = [one.cost.wall_s for one in store.scan().current() if one.cell in trainings]
    parameters = next((r.backend.parameters for r in records if r.backend.parameters is not None), None)
    return SystemCost(
        seconds=sum(record.cost.wall_s for record in records) / len(seeds),
        training_seconds=sum(trained) / len(trained) if trained else None,
        parameters=parameters,
    )
