"""What may be compared with what.

Two values stand in one column only where protocol hash, data fingerprint and metric implementation are equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.table import Signature
from fashionbench.metrics.scoring import metric_spec
from fashionbench.records.order import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.specs import Column


def signature_of(column: Column, record: Record) -> Signature | None:
    """Return the way of measuring of a column in a record; None where the record has no such value."""
    metric = record.metric(column.metric, column.slice)
    if metric is None or record.dataset is None:
        return None
    return Signature(record.protocol.hash, record.dataset.fingerprint, metric.implementation)


def main_signature(column: Column, records: Sequence[Record], plugins: Plugins) -> Signature | None:
    """Choose the main table's way of measuring: today's protocol and metric, then the most common, then the newest."""
    protocol = plugins.tasks[column.task].protocol.hash
    implementation = metric_spec(column.metric, plugins.metrics).implementation
    times: dict[Signature, list[int]] = {}
    for age, record in enumerate(in_order(records)):
        signature = signature_of(column, record) if record.task.id == column.task else None
        if signature is not None:
            times.setdefault(signature, []).append(age)

    def preference(signature: Signature) -> tuple[bool, bool, int, int, Signature]:
        ages = times[signature]
        todays = signature.protocol == protocol, signature.implementation.partition("@")[0] == implementation
        return *todays, len(ages), max(ages), signature

    return max(times, key=preference, default=None)


def difference(way: Signature, anchor: Signature | None, records: Sequence[Record]) -> str:
    """Say in what one way of measuring differs from the main table's."""
    if anchor is None:
        return "not comparable with the main table"
    reasons: list[str] = []
    if way.protocol != anchor.protocol:
        cards = {record.protocol.hash: record.card for record in records}
        mine, theirs = cards.get(way.protocol), cards.get(anchor.protocol)
        changed = mine.differences(theirs) if mine and theirs else {}
        said = "; ".join(f"{name}: {here!r} here, {there!r} there" for name, (here, there) in changed.items())
        reasons.append(f"other protocol ({said or way.protocol})")
    if way.fingerprint != anchor.fingerprint:
        reasons.append("other data (fingerprint differs)")
    if not reasons:
        codes = {signature.implementation.partition("@")[0] for signature in (way, anchor)}
        same = len(codes) == 1 and "@" in way.implementation and "@" in anchor.implementation
        reasons.append("other weights of the network that measures" if same else "other metric implementation")
    return "not comparable with the main table: " + ", ".join(reasons)
