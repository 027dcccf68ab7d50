"""The predictions schema ``scored/1``, labelled items with a score, and the area under their ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

SCHEMA = "scored/1"


def scored_table(ids: Sequence[str], labels: Sequence[bool], scores: Sequence[float]) -> pa.Table:
    """Write labelled scores as a table of the schema ``scored/1``."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.table(
        {
            "item_id": list(ids),
            "slice": ["all"] * len(ids),
            "cluster": list(ids),
            "label": list(labels),
            "score": list(scores),
        }
    )


def roc_auc(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
    """Compute the area under the ROC curve; a tie between a positive and a negative counts one half.

    The interval is that of DeLong, DeLong and Clarke-Pearson, *Biometrics* 44 (1988), from the two samples' placements.

    :raises MetricError: where one of the labels is missing.
    """
    labels = np.asarray(table.column("label").to_pylist(), dtype=bool)
    scores = np.asarray(table.column("score").to_pylist(), dtype=np.float64)
    positive, negative = scores[labels], scores[~labels]
    if not len(positive) or not len(negative):
        raise MetricError("the area under the curve needs both labels", remedy="check the labels of the test split")
    above = placements(positive, negative)
    below = placements(-negative, -positive)
    value = float(above.mean())
    if len(positive) < 2 or len(negative) < 2:
        return Outcome(value=value, method="none: fewer than two items of a label")
    error = float(np.sqrt(above.var(ddof=1) / len(positive) + below.var(ddof=1) / len(negative)))
    interval = (max(0.0, value - 1.959964 * error), min(1.0, value + 1.959964 * error))
    return Outcome(value=value, interval=interval, method="DeLong, normal approximation, cut at 0 and 1")


def placements(scores: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return for each score the share of the others that are lower, ties by half."""
    ordered = np.sort(others)
    lower = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    return (lower + upto) / (2 * len(ordered))
