"""The predictions schema ``scored/1``, labelled items with a score, and the area under their ROC curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome
from fashionbench.statistics.roc import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

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

    :raises MetricError: where one of the labels is missing.
    """
    labels = np.asarray(table.column("label").to_pylist(), dtype=bool)
    scores = np.asarray(table.column("score").to_pylist(), dtype=np.float64)
    positive, negative = scores[labels], scores[~labels]
    if not len(positive) or not len(negative):
        raise MetricError("the area under the curve needs both labels", remedy="check the labels of the test split")
    value, interval = area_under_curve(positive, negative)
    return Outcome(value=value, interval=interval.bounds, method=interval.method)
