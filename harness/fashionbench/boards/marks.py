"""Marks on a row about its images, the weights that measured them, and its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.records.image_forms import is_lossy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fashionbench.records.schema import Record
    from fashionbench.specs import Column


def image_marks(records: Sequence[Record], columns: Iterable[Column]) -> set[str]:
    """Find the marks of the records that a row shows in some columns."""
    shown = {(column.task, column.metric) for column in columns}
    found: set[str] = set()
    for record in records:
        metrics = [part for part in record.metrics if (record.task.id, part.id) in shown]
        found |= {"unrecognised-weights"} if any("unrecognised" in part.weights for part in metrics) else set()
        found |= {"few-images"} if any(part.n < part.biased_below for part in metrics) else set()
        found |= {"not-the-published-data"} if any(f.kind == "published" for f in record.policy) else set()
        if record.predictions is not None:
            found |= {"lossy-predictions"} if any(map(is_lossy, record.predictions.image_forms)) else set()
            found |= {"unused-predictions"} if record.predictions.unused else set()
    return found
