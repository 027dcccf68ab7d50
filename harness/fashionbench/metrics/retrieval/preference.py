"""The predictions schema ``preference/1``, scores of two lists and which one a person preferred, and its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.metrics.contract import MetricArguments, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

SCHEMA = "preference/1"


class Preference(NamedTuple):
    """A person's choice between two lists, and a model's score of each.

    :param first: whether the first list was preferred.
    """

    id: str
    slice: str
    person: str
    first: bool
    scores: tuple[float, float]


def preference_table(rows: Sequence[Preference]) -> pa.Table:
    """Write choices and scores as a table of the schema ``preference/1``."""
    import pyarrow as pa  # noqa: PLC0415

    return pa.table(
        {
            "item_id": [row.id for row in rows],
            "slice": [row.slice for row in rows],
            "cluster": [row.person for row in rows],
            "first_preferred": [row.first for row in rows],
            "first_score": pa.array([row.scores[0] for row in rows], pa.float64()),
            "second_score": pa.array([row.scores[1] for row in rows], pa.float64()),
        }
    )


def preference_ratio(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
    """Compute how often the first list was preferred where the model scores it higher, as QuRe defines the ratio.

    :raises MetricError: where it never does, as a model that cannot tell the lists apart.
    """
    margin, first = _read(table)
    rows = margin > 0
    if not rows.any():
        msg = f"in none of {len(rows)} choices the first list has the higher score"
        raise MetricError(msg, remedy="preference-accuracy counts both lists, and ties by half")
    return Outcome(first[rows].astype(np.float64), rows=rows)


def preference_accuracy(table: pa.Table, arguments: MetricArguments) -> Outcome:  # noqa: ARG001
    """Compute how often the list of the higher score was the preferred one; a tie counts one half."""
    margin, first = _read(table)
    return Outcome(np.where(margin == 0, 0.5, (margin > 0) == first))


def _read(table: pa.Table) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    scores = [table.column(name).to_numpy() for name in ("first_score", "second_score")]
    return scores[0] - scores[1], np.asarray(table.column("first_preferred").to_pylist(), dtype=bool)
