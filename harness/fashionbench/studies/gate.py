"""A gate for continuous integration: whether a candidate is not worse than a baseline, by a policy.

Bounds are judged on every cell of the candidate, and a rule that fits nothing cannot be judged. For each cell of the
baseline, in this order:

1. stored files whose bytes have changed cannot be judged; equal predictions pass, and nothing is computed;
2. a cell, metric or item that is missing, or that was measured otherwise, cannot be judged;
3. each metric with a margin: a regression where the whole 95 % interval of the difference is worse than the margin, a
   pass where the whole interval is better, else inconclusive;
4. each slice with the slices' margin likewise, and a control that moved: a regression;
5. a gain that is too good to be true cannot be judged without a person.

Non-inferiority after S. Piaggio et al., "Reporting of noninferiority and equivalence randomized trials", JAMA 2012.
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

from fashionbench.boards.selection import configuration_of
from fashionbench.errors import ConfigError, FashionBenchError
from fashionbench.statistics.pairwise import POWER
from fashionbench.studies.compare import compare_systems
from fashionbench.studies.comparison import Difference, System
from fashionbench.studies.gate_bounds import judge_bounds
from fashionbench.studies.gate_policy import check_names
from fashionbench.studies.gate_rules import check_margins
from fashionbench.studies.gate_verdict import GateResult, Outcome, Verdict
from fashionbench.studies.select import newest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.studies.gate_policy import GatePolicy


def judge(baseline: System, candidate: System, policy: GatePolicy, plugins: Plugins) -> GateResult:
    """Judge every cell of the baseline that the policy covers.

    :raises ConfigError: where the policy covers no cell of the baseline, or a margin is none.
    """
    _check_names((*baseline.records, *candidate.records), policy, plugins)
    cells = _cells(baseline.records, policy)
    if not cells:
        raise ConfigError("the policy covers no record of the baseline", remedy="check its tasks and backends")
    others = _cells(candidate.records, policy)
    before_all, after_all = _together(cells), _together(others)
    verdicts = [*check_margins(before_all, policy, plugins), *judge_bounds(before_all, after_all, policy)]
    for key, before in cells.items():
        after = others.get(key, [])
        verdicts += _judge_cell(before, after, (baseline, candidate), policy, plugins)
    return GateResult(verdicts=tuple(verdicts), inconclusive=policy.inconclusive)


def self_check(baseline: System, policy: GatePolicy, plugins: Plugins) -> GateResult:
    """Judge the baseline against itself with everything computed: any difference is a fault of the gate."""
    _check_names(baseline.records, policy, plugins)
    cells = _cells(baseline.records, policy)
    verdicts = check_margins(_together(cells), policy, plugins)
    for records in cells.values():
        damaged = _damaged(records, baseline)
        if damaged:
            verdicts.append(_whole(records[0], "cannot judge", damaged))
            continue
        side = System(label="baseline", records=records, store=baseline.store)
        for one in _differences(side, side, plugins):
            if policy.margin(one.metric) is not None:
                moved = one.difference != 0 or bool(one.wins) or bool(one.losses)
                outcome: Outcome = "regression" if moved else "pass"
                verdicts.append(_verdict(records[0], one, outcome, "the baseline against itself", policy))
    return GateResult(verdicts=tuple(verdicts), inconclusive=policy.inconclusive)


def _check_names(records: Sequence[Record], policy: GatePolicy, plugins: Plugins) -> None:
    tasks = {*plugins.tasks.names(), *(record.task.id for record in records)}
    backends = {*plugins.backends.names(), *(record.backend.id for record in records)}
    check_names(policy, tasks, backends)


def _cells(records: Sequence[Record], policy: GatePolicy) -> dict[tuple[str, ...], list[Record]]:
    """Bring records together by task and backend; by options too, where a backend was run with several."""
    kept = [record for record in newest(records) if policy.covers(record.task.id, record.backend.id)]
    configurations: dict[tuple[str, ...], set[str]] = {}
    for record in kept:
        configurations.setdefault(_place(record), set()).add(configuration_of(record))
    cells: dict[tuple[str, ...], list[Record]] = {}
    for record in kept:
        key = _place(record)
        several = len(configurations[key]) > 1
        cells.setdefault((*key, configuration_of(record)) if several else key, []).append(record)
    return cells


def _together(cells: Mapping[tuple[str, ...], Sequence[Record]]) -> list[Record]:
    return [record for records in cells.values() for record in records]


def _place(record: Record) -> tuple[str, ...]:
    """Name task and backend, the limit of a limited run, which stands for no full one, and what embeddings are."""
    return record.task.id, record.backend.id, str(record.decoding.limit), record.decoding.embedding_dtype


def _judge_cell(
    before: Sequence[Record],
    after: Sequence[Record],
    sides: tuple[System, System],
    policy: GatePolicy,
    plugins: Plugins,
) -> list[Verdict]:
    first = before[0]
    missing = sorted({r.decoding.seed for r in before} - {r.decoding.seed for r in after})
    if missing:
        what = "the cell is missing" if not after else f"seeds {', '.join(map(str, missing))} are missing"
        return [_whole(first, "cannot judge", what)]
    damaged = _damaged(before, sides[0]) or _damaged(after, sides[1])
    if damaged:
        return [_whole(first, "cannot judge", damaged)]
    hashes = [_predictions(side) for side in (before, after)]
    alike = {_measured(record) for record in (*before, *after)}
    if hashes[0] == hashes[1] and len(alike) == 1:
        return [_whole(first, "pass", "the predictions are the same")]
    try:
        differences = _differences(
            System(label=sides[0].label, records=before, store=sides[0].store),
            System(label=sides[1].label, records=after, store=sides[1].store),
            plugins,
        )
    except FashionBenchError as error:
        return [_whole(first, "cannot judge", str(error))]
    found = {one.metric for one in differences}
    wanted = {part.id for record in before for part in record.metrics if policy.margin(part.id) is not None}
    verdicts = [
        Verdict(
            task=first.task.id,
            backend=first.backend.id,
            metric=name,
            slice="all",
            outcome="cannot judge",
            reason="the candidate has no such value that was measured alike",
        )
        for name in sorted(wanted - found)
    ]
    if first.backend.control and policy.controls == "equal":
        verdicts += [
            _verdict(first, one, "regression", "a control moved: data or measuring code have changed", policy)
            for one in differences
            if one.difference != 0 and one.metric in wanted
        ]
        return verdicts or [_whole(first, "pass", "the control did not move")]
    for one in differences:
        if one.metric in wanted:
            verdicts += _judged(first, one, policy)
    return verdicts


def _judged(record: Record, one: Difference, policy: GatePolicy) -> list[Verdict]:
    margin = policy.margin(one.metric) if one.slice == "all" else policy.slice_margin
    if margin is None:
        return []
    sign = 1 if one.higher_is_better else -1
    gain = sign * one.difference
    if one.interval is None:
        if gain == 0:
            return [_verdict(record, one, "pass", "no difference", policy)]
        return [_verdict(record, one, "cannot judge", f"there is no interval: {one.method}", policy)]
    low, high = sorted(sign * end for end in one.interval)
    if high < -margin:
        return [_verdict(record, one, "regression", "worse than the margin", policy)]
    if one.slice != "all" and low > -margin:
        return []  # one line for each slice that holds would hide the others
    if one.slice == "all" and policy.suspicious is not None and gain > policy.suspicious:
        return [_verdict(record, one, "suspicious", "a gain that a person should look at first", policy)]
    if low > -margin:
        return [_verdict(record, one, "pass", "not worse than the margin", policy)]
    return [_verdict(record, one, "inconclusive", "the interval reaches beyond the margin", policy)]


def _damaged(records: Sequence[Record], side: System) -> str:
    """Name the first stored file that is not the one its record names; empty where all are."""
    faults = (side.store.check_predictions(record) for record in records)
    return next((f"{fault.path}: {fault.message}" for fault in faults if fault is not None), "")


def _differences(before: System, after: System, plugins: Plugins) -> Sequence[Difference]:
    return compare_systems(before, after, plugins).differences


def _measured(record: Record) -> tuple[str, str, tuple[str, ...]]:
    fingerprint = record.dataset.fingerprint if record.dataset else ""
    return record.protocol.hash, fingerprint, tuple(sorted({part.implementation for part in record.metrics}))


def _predictions(records: Sequence[Record]) -> list[tuple[int, str]]:
    return sorted((record.decoding.seed, record.predictions.sha256) for record in records if record.predictions)


def _whole(record: Record, outcome: Outcome, reason: str) -> Verdict:
    task, backend = record.task.id, record.backend.id
    return Verdict(task=task, backend=backend, metric="all", slice="all", outcome=outcome, reason=reason)


def _verdict(record: Record, one: Difference, outcome: Outcome, reason: str, policy: GatePolicy) -> Verdict:
    quantile = NormalDist().inv_cdf
    detectable = None
    if one.interval is not None:
        error = (one.interval[1] - one.interval[0]) / 2 / quantile(0.975)
        detectable = (quantile(0.975) + quantile(POWER)) * error
    return Verdict(
        task=one.task,
        backend=f"{record.backend.id}",
        metric=one.metric,
        slice=one.slice,
        outcome=outcome,
        reason=reason,
        difference=one.difference,
        interval=one.interval,
        margin=policy.margin(one.metric) if one.slice == "all" else policy.slice_margin,
        detectable=detectable,
    )
