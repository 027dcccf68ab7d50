"""Fill a table: one row a backend, one value a column, or the reason why there is none."""

from __future__ import annotations

from statistics import fmean, stdev
from typing import TYPE_CHECKING

from fashionbench.boards.labels import row_label, row_title
from fashionbench.boards.marks import image_marks
from fashionbench.boards.selection import row_keys
from fashionbench.boards.signature import signature_of
from fashionbench.boards.table import MARKS, Head, Row, Signature, Table, Value
from fashionbench.errors import first_names
from fashionbench.metrics.scoring import metric_spec
from fashionbench.specs.capabilities import satisfied

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import MetricPart, Record
    from fashionbench.specs import BoardSpec, Column


def make_table(
    spec: BoardSpec,
    title: str,
    columns: Sequence[Column],
    signatures: Sequence[Signature | None],
    records: Sequence[Record],
    plugins: Plugins,
    *,
    note: str = "",
    main: bool = True,
) -> Table:
    """Make one table; of a separate one, or of one among several, rows that have nothing to do with it are left out.

    :param signatures: by column, the way of measuring that a value must have to be shown.
    :param note: for a separate table, in what it differs.
    :param main: whether it is how the board measures.
    """
    rows: list[Row] = []
    better = [_higher_is_better(column, records, plugins) for column in columns]
    key_of = row_keys(records)
    keys = list(dict.fromkeys(key_of(record) for record in records))
    for key in keys:
        own = [record for record in records if key_of(record) == key]
        values = tuple(
            _value(column, signature, own, plugins) for column, signature in zip(columns, signatures, strict=True)
        )
        tried = {record.task.id for record in own} & {column.task for column in columns}
        if all(value.value is None for value in values) and not (main and (tried or len(columns) == len(spec.columns))):
            continue
        used = [r for r in own if any(r.record_id in value.records for value in values)] or own
        first = used[0]
        marks = _marks(used, columns) | {mark for value in values for mark in value.marks}
        rows.append(
            Row(
                first.backend.id,
                row_label(first, records),
                first.attestation,
                first.backend.control,
                tuple(mark for mark in MARKS if mark in marks),
                values,
                row_title(first),
                _coverage(values) if spec.coverage and main else "",
            )
        )
    wanted = spec.columns[spec.sort_by]
    at = list(columns).index(wanted) if wanted in columns else 0
    sign = -1 if better[at] else 1

    def order(row: Row) -> tuple[bool, bool, float, str]:
        value = row.values[at].value
        # A limited run is over other items, and takes no place among the whole ones.
        return value is None, "partial" in row.marks, 0.0 if value is None else sign * value, row.label

    heads = tuple(
        Head(column, column.label or _column_label(column), signature, higher)
        for column, signature, higher in zip(columns, signatures, better, strict=True)
    )
    return Table(title, heads, tuple(sorted(rows, key=order)), note, main)


def _coverage(values: Sequence[Value]) -> str:
    return f"{sum(value.value is not None for value in values)} of {len(values)}"


def _value(column: Column, signature: Signature | None, records: Sequence[Record], plugins: Plugins) -> Value:
    comparable = [r for r in records if r.task.id == column.task and signature_of(column, r) == signature is not None]
    parts = [part for r in comparable if (part := r.metric(column.metric, column.slice)) is not None]
    if not parts:
        return Value(reason=_gap(column, records, plugins))
    values = [part.value for part in parts]
    failures = [r for r in records if r.task.id == column.task and r.error is not None]
    measured = {r.decoding.seed for r in comparable}
    return Value(
        value=fmean(values),
        bound="lower" if any(part.bound == "lower" for part in parts) else "",
        interval=_mean_interval(parts),
        standard_error=_mean([part.standard_error for part in parts]),
        method="; ".join(dict.fromkeys(part.interval_method for part in parts if part.interval_method)),
        sd_over_seeds=stdev(values) if len(values) > 1 else None,
        n=min(part.n for part in parts),
        seeds=len(values),
        unit=parts[0].unit,
        note="; ".join(dict.fromkeys([*(_failure(r, measured) for r in failures), *_batch_findings(comparable)])),
        marks=tuple(
            dict.fromkeys("newer-run-failed" if r.decoding.seed in measured else "failed-seed" for r in failures)
        ),
        records=tuple(r.record_id for r in comparable),
    )


def _mean_interval(parts: Sequence[MetricPart]) -> tuple[float, float] | None:
    """Return the interval over items of a mean over seeds; None where a seed has none."""
    low, high = (_mean([part.interval[at] if part.interval else None for part in parts]) for at in (0, 1))
    return None if low is None or high is None else (low, high)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if len(known) == len(values) else None


def _batch_findings(records: Sequence[Record]) -> list[str]:
    """Say how far answers depend on the batch, which a mark alone does not."""
    return [finding.message for record in records for finding in record.policy if finding.kind == "batch"]


def _failure(record: Record, measured: Container[int]) -> str:
    """Say of a failure what it means for the value beside it."""
    assert record.error is not None  # noqa: S101
    seed = record.decoding.seed
    said = f"a newer run of seed {seed} failed" if seed in measured else f"seed {seed} failed"
    return f"{said}: {record.error.message}"


def _gap(column: Column, records: Sequence[Record], plugins: Plugins) -> str:
    """Say why a row has no value in a column."""
    own = [record for record in records if record.task.id == column.task]
    for record in own:
        if record.error is not None:
            return f"error: {record.error.message}"
        for absent in record.absent:
            if absent.id == column.metric:
                return f"absent: {absent.reason}"
    slices = [part.slice for record in own for part in record.metrics if part.id == column.metric]
    if slices and column.slice not in slices:
        return f"no slice {column.slice}; there are {first_names(list(dict.fromkeys(slices)))}"
    if own:
        return "measured otherwise: see below"
    task = plugins.tasks[column.task]
    able = records[0].backend.capabilities
    if not satisfied(able, task.needs):  # type: ignore[arg-type]
        return "cannot " + " or ".join(" + ".join(sorted(needed)) for needed in task.needs)
    return "not run"


#: The marks of a row by the kind of a finding of its records.
_FINDINGS = {"contamination": "contaminated", "overlap": "shared-groups", "batch": "batch-dependent"}


def _marks(records: Sequence[Record], columns: Sequence[Column]) -> set[str]:
    found = image_marks(records, columns)
    for record in records:
        if record.attestation == "measured":
            code = [*record.provenance.code, *(record.rescored.code if record.rescored else ())]
            found |= {"dirty"} if any(state.git is not None and state.git.dirty for state in code) else set()
            found |= {"unversioned"} if any(state.git is None and not state.version for state in code) else set()
        found |= {"partial"} if record.status == "partial" else set()
        found |= {"privileged"} if record.backend.privileged else set()
        if record.dataset and (record.dataset.missing or record.dataset.unreadable):
            found.add("incomplete-data")
        found |= {"truncated-lists"} if record.predictions and record.predictions.depth else set()
        found |= {"synthetic"} if record.dataset and record.dataset.synthetic else set()
        kinds = {finding.kind for finding in record.policy}
        found |= {mark for kind, mark in _FINDINGS.items() if kind in kinds}
    return found


def _higher_is_better(column: Column, records: Sequence[Record], plugins: Plugins) -> bool:
    for record in records:
        if record.task.id == column.task and (part := record.metric(column.metric, column.slice)) is not None:
            return part.higher_is_better
    return metric_spec(column.metric, plugins.metrics).higher_is_better


def _column_label(column: Column) -> str:
    return f"{column.task} {column.metric}" + ("" if column.slice == "all" else f" [{column.slice}]")
