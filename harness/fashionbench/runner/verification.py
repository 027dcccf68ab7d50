"""Compute recorded values again from the stored predictions, without a model, and say where they differ."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import isclose
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError
from fashionbench.metrics.scoring import metric_spec, score
from fashionbench.predictions import images as image_schema
from fashionbench.predictions.base import Predictions
from fashionbench.runner.outdated_metrics import can_run
from fashionbench.runner.rescoring import question_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import MetricPart, Record
    from fashionbench.records.store import Store

#: Processors add in different orders, and the last bits of a mean differ with them.
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What came of one record.

    :param equal: how many values were computed again and are those of the record.
    :param differing: a line on each value that is another.
    :param left_out: a line on each metric that was not computed again, with the reason.
    """

    record: Record
    equal: int = 0
    differing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def sample(records: Sequence[Record], size: int, seed: int = 0) -> list[Record]:
    """Draw records whose values can be computed again; which ones follows from the records and the seed alone."""
    able = sorted((r for r in records if r.predictions is not None and r.metrics), key=lambda r: r.record_id)
    chosen = random.Random(digest([[r.record_id for r in able], seed]))  # noqa: S311  # nothing is kept secret
    return chosen.sample(able, min(size, len(able)))


def recompute(record: Record, store: Store, plugins: Plugins) -> Recomputed:
    """Compute the values of a record again from its predictions, and compare value, interval and n.

    :raises StoreError: where the predictions are missing or damaged.
    """
    assert record.predictions is not None  # noqa: S101
    names = list(dict.fromkeys(part.id for part in record.metrics))
    if record.task.id not in plugins.tasks or plugins.tasks[record.task.id].protocol.hash != record.protocol.hash:
        return Recomputed(record, left_out=("measured by another protocol than today's",))
    if record.predictions.schema_id == image_schema.SCHEMA:
        return _from_values(record, store)
    able, left_out = _able(record, names, plugins)
    predictions = Predictions(record.predictions.schema_id, store.read_predictions(record.predictions))
    fresh = score(predictions, plugins.tasks[record.task.id], plugins.metrics, question_of(record), names=able)
    again = {(part.id, part.slice): part for part in fresh.metrics}
    gone = {absent.id for absent in fresh.absent}
    equal = 0
    differing: list[str] = []
    for absent in fresh.absent:
        # One whose packages and programs are there, and that these predictions do not give, was never made of them.
        lied = can_run(metric_spec(absent.id, plugins.metrics), lambda _name: False)
        (differing if lied else left_out).append(f"{absent.id}: {absent.reason}")
    for part in record.metrics:
        if part.id not in able or part.id in gone:
            continue
        said = _difference(part, again.get((part.id, part.slice)))
        equal += not said
        differing += [f"{part.id} [{part.slice}]: {said}"] if said else []
    left_out += _other_intervals(record, again)
    return Recomputed(record, equal, tuple(differing), tuple(left_out))


def _other_intervals(record: Record, again: Mapping[tuple[str, str], MetricPart]) -> list[str]:
    """Name the intervals that another method made than today's: nothing says whether they follow."""
    pairs = [(part, again[part.id, part.slice]) for part in record.metrics if (part.id, part.slice) in again]
    other = {part.id: part.interval_method for part, new in pairs if part.interval_method != new.interval_method}
    return [
        f"{name}: its intervals are of {method or 'no method'}, and not of today's" for name, method in other.items()
    ]


def _from_values(record: Record, store: Store) -> Recomputed:
    """Compare values of images with the mean, or median, of the stored values by item that they are said to be of."""
    import numpy as np  # noqa: PLC0415

    equal = 0
    differing: list[str] = []
    left_out: list[str] = []
    for part in record.metrics:
        table = store.predictions.read_values(part.values) if part.values else None
        facts = (table.schema.metadata or {}) if table is not None else {}
        statistic, average = (facts.get(name, b"").decode() for name in (b"statistic", b"average"))
        if table is None or statistic not in {"mean", "median"}:
            left_out.append(f"{part.id} [{part.slice}]: it compares images of the data set")
            continue
        values, slices = table.column("value").to_numpy(), np.asarray(table.column("slice").to_pylist(), dtype=object)
        groups = [values[slices == name] for name in sorted(set(slices))] if average == "slices" else [values]
        if average not in {"queries", "slices"}:
            groups = [values[slices == average]]
        again = float(np.mean([getattr(np, statistic)(group) for group in groups]))
        same = _same(part.value, again)
        equal += same
        differing += [] if same else [f"{part.id} [{part.slice}]: value recorded {part.value!r}, computed {again!r}"]
    return Recomputed(record, equal, tuple(differing), tuple(dict.fromkeys(left_out)))


def _able(record: Record, names: Sequence[str], plugins: Plugins) -> tuple[list[str], list[str]]:
    """Tell metrics whose implementation is still that of the record from the others."""
    able: list[str] = []
    left_out: list[str] = []
    for name in names:
        measured = next(part for part in record.metrics if part.id == name).implementation
        try:
            today = metric_spec(name, plugins.metrics).implementation
        except FashionBenchError as error:
            left_out.append(f"{name}: {error.message}")
            continue
        if measured.partition("@")[0] == today:
            able.append(name)
        else:
            left_out.append(f"{name}: measured by {measured}, and today's is {today}")
    return able, left_out


def _difference(old: MetricPart, new: MetricPart | None) -> str:
    if new is None:
        return f"recorded {old.value!r}, and there is no such value"
    facts = {"unit": (old.unit, new.unit), "bound": (old.bound, new.bound)}
    facts["direction"] = _direction(old), _direction(new)
    other = [f"{name} recorded {a!r}, is {b!r}" for name, (a, b) in facts.items() if a != b]
    pairs: list[tuple[str, float | None, float | None]] = [("value", old.value, new.value), ("n", old.n, new.n)]
    if old.interval_method == new.interval_method:
        pairs.append(("standard error", old.standard_error, new.standard_error))
    # An interval that an earlier method made is another one, and was right.
    for at, name in enumerate(("lower limit", "upper limit") if old.interval_method == new.interval_method else ()):
        pairs.append((name, old.interval[at] if old.interval else None, new.interval[at] if new.interval else None))
    said = [f"{name} recorded {a!r}, computed {b!r}" for name, a, b in pairs if not _same(a, b)]
    return "; ".join([*other, *said])


def _direction(part: MetricPart) -> str:
    return "higher is better" if part.higher_is_better else "lower is better"


def _same(old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return old is new
    return isclose(old, new, rel_tol=_TOLERANCE, abs_tol=1e-12)
