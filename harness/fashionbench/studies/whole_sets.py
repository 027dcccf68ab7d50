"""Compare two systems by a metric that has no values by item, such as BLEU or FID."""

from __future__ import annotations

import math
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.statistics.jackknife import error_of
from fashionbench.studies.comparison import Difference
from fashionbench.studies.item_values import influences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import MetricPart, Record
    from fashionbench.records.store import Store


def whole_set(name: str, sides: Sequence[Sequence[Record]], stores: tuple[Store, Store]) -> list[Difference]:
    """Compare a metric of the whole set by what the records hold: the influence of each unit, or both errors.

    :raises MetricError: where the value depends on n, and n differs.
    """
    made: list[Difference] = []
    for label in dict.fromkeys(part.slice for part in sides[0][0].metrics if part.id == name):
        parts = [[p for record in side if (p := record.metric(name, label)) is not None] for side in sides]
        if not all(parts):
            continue
        first: MetricPart = parts[0][0]
        base, new = (fmean(part.value for part in side) for side in parts)
        counts = sorted({part.n for side in parts for part in side})
        if first.biased_below and len(counts) > 1:
            raise MetricError(f"its value depends on n, and n differs: {counts[0]} and {counts[-1]}")
        interval, p_value, method = None, None, "no interval: one side has none, or there are several seeds"
        found = _error_of_difference(parts, stores) if sum(map(len, parts)) == len(sides) else None
        if found is not None:
            error, method = found
            half = error * NormalDist().inv_cdf(0.975)
            interval = (new - base - half, new - base + half)
            if error > 0:
                p_value = 2 * (1 - NormalDist().cdf(abs(new - base) / error))
        made.append(
            Difference(
                task="",
                metric=name,
                slice=label,
                unit=first.unit,
                higher_is_better=first.higher_is_better,
                n=first.n,
                seeds=(len(parts[0]), len(parts[1])),
                baseline=base,
                candidate=new,
                interval=interval,
                p_value=p_value,
                method=method,
            )
        )
    return made


def _error_of_difference(
    parts: Sequence[Sequence[MetricPart]], stores: tuple[Store, Store]
) -> tuple[float, str] | None:
    """Return the standard error of the difference of two values of the whole set, and how it was made."""
    (one,), (two,) = parts
    moved = [influences(part, store) for part, store in zip((one, two), stores, strict=True)]
    if moved[0] and moved[0].keys() == moved[1].keys():
        units = sorted(moved[0])
        error = error_of(np.array([moved[1][unit] - moved[0][unit] for unit in units]))
        return error, f"joint standard error over {len(units)} units, normal"
    errors = [_error(part) for part in (one, two)]
    known = [error for error in errors if error is not None]
    return (math.hypot(*known), "unpaired, of both systems' errors") if len(known) == len(errors) else None


def _error(part: MetricPart) -> float | None:
    if part.interval is not None:
        return (part.interval[1] - part.interval[0]) / 2 / NormalDist().inv_cdf(0.975)
    return part.standard_error
