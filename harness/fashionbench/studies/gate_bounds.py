"""Bounds of a gate's policy: values that the candidate's systems must reach whatever the baseline was."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from fashionbench.studies.gate_verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import MetricPart, Record
    from fashionbench.studies.gate_policy import Bound, GatePolicy


def judge_bounds(baseline: Sequence[Record], candidate: Sequence[Record], policy: GatePolicy) -> list[Verdict]:
    """Judge every bound on the records of the candidate, also on those that the baseline has no like of.

    A limited run of the candidate counts only where the baseline has one too. A bound that fits no value cannot be
    judged, for a misspelt one would pass for ever; neither can one where the candidate lacks a value of the baseline.
    """
    known = {_place(record) for record in baseline}
    judged = [record for record in candidate if _place(record) in known or record.decoding.limit is None]
    return [verdict for bound in policy.bounds for verdict in _judged(bound, baseline, judged)]


def _judged(bound: Bound, baseline: Sequence[Record], candidate: Sequence[Record]) -> list[Verdict]:
    verdicts: list[Verdict] = []
    reached = {(*_place(record), record.decoding.seed, part.id) for record in candidate for part in _of(bound, record)}
    for record in candidate:
        for part in _of(bound, record):
            low, high = bound.least, bound.most
            enough = low is None or part.value >= low - 1e-9
            if not (enough and (high is None or part.value <= high + 1e-9)):
                told = f"{part.value:.6g} is outside [{'' if low is None else low}, {'' if high is None else high}]"
                reason = f"a bound is not reached: {told}"
                verdicts.append(_verdict(record.task.id, record.backend.id, part.id, "regression", reason))
    lacking = {
        (record.task.id, record.backend.id, part.id): None
        for record in baseline
        for part in _of(bound, record)
        if (*_place(record), record.decoding.seed, part.id) not in reached
    }
    for task, backend, metric in lacking:
        reason = f"the candidate has no such value, which {bound.named} asks for"
        verdicts.append(_verdict(task, backend, metric, "cannot judge", reason))
    if not reached and not lacking:
        reason = f"{bound.named} fits no value of the candidate or the baseline that the policy covers: check its names"
        verdicts.append(_verdict(bound.task, bound.backend, bound.metric, "cannot judge", reason))
    return verdicts


def _of(bound: Bound, record: Record) -> list[MetricPart]:
    if not (fnmatchcase(record.backend.id, bound.backend) and fnmatchcase(record.task.id, bound.task)):
        return []
    return [part for part in record.metrics if part.slice == "all" and fnmatchcase(part.id, bound.metric)]


def _place(record: Record) -> tuple[str, str, int | None, str]:
    return record.task.id, record.backend.id, record.decoding.limit, record.decoding.embedding_dtype


def _verdict(task: str, backend: str, metric: str, outcome: Outcome, reason: str) -> Verdict:
    return Verdict(task=task, backend=backend, metric=metric, slice="all", outcome=outcome, reason=reason)
