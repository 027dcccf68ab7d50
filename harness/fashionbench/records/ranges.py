"""Which numbers a record cannot hold: fractions beyond 0 and 1, intervals that end before they begin, times to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fashionbench.records.schema import MetricPart, Record

#: Least and greatest values by unit; a distance may be estimated as negative, and a score is what its metric makes it.
_LIMITS = {"fraction": (0.0, 1.0), "rank": (0.0, float("inf")), "count": (0.0, float("inf"))}
#: The last bits of a mean may lie beyond a limit.
_BITS = 1e-9
#: How far clocks of two machines may be apart.
_CLOCKS = timedelta(minutes=10)


def metric_fault(part: MetricPart) -> str:
    """Say why a metric cannot have this value, interval or n; nothing where it can."""
    low, high = _LIMITS.get(part.unit, (-float("inf"), float("inf")))
    least, greatest = part.interval or (part.value, part.value)
    for name, value in (("value", part.value), ("lower limit", least), ("upper limit", greatest)):
        if not low - _BITS <= value <= high + _BITS:
            return f"its {name} {value!r} is no {part.unit}"
    if least > greatest:
        return f"its interval [{least!r}, {greatest!r}] ends before it begins"
    if part.standard_error is not None and part.standard_error < 0:
        return f"its standard error {part.standard_error!r} is negative"
    counts = {"n": part.n, "biased_below": part.biased_below}
    return next((f"its {name} is {count}" for name, count in counts.items() if count < 0), "")


def range_fault(record: Record) -> str:
    """Say which number a record cannot hold; nothing where all can be."""
    for part in record.metrics:
        said = metric_fault(part)
        if said:
            return f"{part.id} [{part.slice}]: {said}"
    rounded = record.decoding.embeddings
    counts: dict[str, float | None] = {
        "decoding.limit": record.decoding.limit,
        "decoding.cached": record.decoding.cached,
        "decoding.embeddings.underflows": rounded.underflows if rounded else None,
        "cost.wall_s": record.cost.wall_s,
        "cost.items": record.cost.items,
        "cost.items_per_s": record.cost.items_per_s,
        "cost.peak_memory_bytes": record.cost.peak_memory_bytes,
        "backend.parameters": record.backend.parameters,
        "predictions.rows": record.predictions.rows if record.predictions else None,
        "dataset.images": record.dataset.images if record.dataset else None,
    }
    if record.dataset:
        counts |= _named("dataset.sizes", record.dataset.sizes) | _named("dataset.forms", record.dataset.image_forms)
    if record.predictions:
        counts |= _named("predictions.forms", record.predictions.image_forms)
        counts |= _named("predictions.depth", record.predictions.depth)
    counts |= _named("decoding.batch_sizes", record.decoding.batch_sizes)
    negative = [name for name, count in counts.items() if count is not None and count < 0]
    return f"{negative[0]} is {counts[negative[0]]}" if negative else ""


def time_fault(times: Iterable[tuple[str, str]], now: datetime | None = None) -> str:
    """Say which of some named times is none, or lies in the future; nothing where all have been."""
    latest = (now or datetime.now(UTC)) + _CLOCKS
    for name, text in times:
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            return f"{name} is {text!r}, which is no time"
        if (time if time.tzinfo else time.replace(tzinfo=UTC)) > latest:
            return f"{name} lies in the future: {text}"
    return ""


def order_fault(record: Record) -> str:
    """Say that a record ended before it began, by more than a clock is set back; nothing where it did not."""
    try:
        started, ended = (datetime.fromisoformat(one) for one in (record.provenance.started, record.provenance.ended))
    except ValueError:
        return ""  # said by :func:`time_fault`
    if (started.tzinfo is None) != (ended.tzinfo is None) or ended >= started - _CLOCKS:
        return ""
    return f"it ended at {record.provenance.ended}, before it started at {record.provenance.started}"


def times_of(record: Record) -> list[tuple[str, str]]:
    """Return the times that a record says, by name."""
    said = [("started", record.provenance.started), ("ended", record.provenance.ended)]
    return [*said, ("rescored", record.rescored.time)] if record.rescored else said


def _named(prefix: str, counts: Mapping[str, int]) -> dict[str, float | None]:
    return {f"{prefix}.{name}": count for name, count in counts.items()}
