"""The predictions schema ``ranking/1``: what every retrieval leaves behind, and the counts read back from it.

One row a query. ``better`` and ``tied`` count, for each positive, the other candidates (positives of the query left
out) that score strictly higher, or the same within the tolerance; from them every ranking metric follows under every
tie rule. ``top_ids`` are for people to look at.

==============  ===============  =====================================================================
column          type             meaning
==============  ===============  =====================================================================
query_id        string
slice           string           the part of the task that the query belongs to
cluster         string           what is resampled as one: the reference image, or the product
n_candidates    int64            candidates of this query
positive_ids    list of string   the positives that were in the gallery
better          list of int64    by positive
tied            list of int64    by positive
score           list of float    by positive
top_ids         list of string   the best candidates, best first, ties in gallery order
top_scores      list of float
depth           int64            how many candidates an imported list names; behind them a positive is ranked
                                 last. The column is there for imported lists alone
inside          float            the probability of the counts above, where a tie across the cut of a re-ranking leaves
                                 it to chance whether the positive was re-ranked. These columns are there for
                                 re-rankings with such a tie alone
outside_better  list of int64    the counts where it was not
outside_tied    list of int64
grades          list of float64  by positive, how relevant it is, above 0; there where a task has grades
further_slices  list of string   further slices that the query is reported under; there where a task names any
==============  ===============  =====================================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.predictions.rank_counts import RankCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.predictions.rank_counts import Ranking

SCHEMA = "ranking/1"
COLUMNS = (
    "query_id",
    "slice",
    "cluster",
    "n_candidates",
    "positive_ids",
    "better",
    "tied",
    "score",
    "top_ids",
    "top_scores",
)


@dataclass(frozen=True, slots=True)
class Labels:
    """The names that a ranking is stored with.

    :param positives: for each query, the ids of its positives, in the order of the counts.
    """

    slice: str
    query_ids: Sequence[str]
    clusters: Sequence[str]
    gallery_ids: Sequence[str]
    positives: Sequence[Sequence[str]]


def ranking_table(ranking: Ranking, labels: Labels) -> pa.Table:
    """Write the ranking of one fold as a table of the schema ``ranking/1``."""
    import pyarrow as pa  # noqa: PLC0415

    spans = list(zip(ranking.offsets[:-1].tolist(), ranking.offsets[1:].tolist(), strict=True))
    tops: list[list[str]] = [[] for _ in spans]
    scores: list[list[float]] = [[] for _ in spans]
    if ranking.top_index is not None and ranking.top_score is not None:
        for row, (indices, values) in enumerate(zip(ranking.top_index, ranking.top_score, strict=True)):
            kept = indices >= 0
            tops[row] = [labels.gallery_ids[i] for i in indices[kept].tolist()]
            scores[row] = values[kept].tolist()
    columns = {
        "query_id": list(labels.query_ids),
        "slice": [labels.slice] * len(spans),
        "cluster": list(labels.clusters),
        "n_candidates": ranking.n_candidates.tolist(),
        "positive_ids": [list(ids) for ids in labels.positives],
        "better": [ranking.better[a:b].tolist() for a, b in spans],
        "tied": [ranking.tied[a:b].tolist() for a, b in spans],
        "score": [ranking.score[a:b].tolist() for a, b in spans],
        "top_ids": tops,
        "top_scores": scores,
    }
    table = pa.table(columns, schema=schema())
    if ranking.inside is None or ranking.otherwise is None:
        return table
    outside = ranking.otherwise
    table = table.append_column("inside", pa.array(ranking.inside.tolist(), pa.float64()))
    for name, flat in (("outside_better", outside.better), ("outside_tied", outside.tied)):
        table = table.append_column(name, pa.array([flat[a:b].tolist() for a, b in spans], pa.list_(pa.int64())))
    return table


def unavailable_rows(
    slice_: str, query_ids: Sequence[str], clusters: Sequence[str], n_candidates: Sequence[int]
) -> pa.Table:
    """Write rows for queries that could not be asked because their file is missing; they have no positives.

    :param n_candidates: the candidates of each.
    """
    import pyarrow as pa  # noqa: PLC0415

    count = len(query_ids)
    columns: dict[str, list[list[str]]] = {name: [[] for _ in range(count)] for name in COLUMNS[4:]}
    first = {
        "query_id": list(query_ids),
        "slice": [slice_] * count,
        "cluster": list(clusters),
        "n_candidates": list(n_candidates),
    }
    return pa.table({**first, **columns}, schema=schema())


def with_depth(table: pa.Table, depths: Sequence[int]) -> pa.Table:
    """Add the column ``depth`` to a table of imported lists."""
    import pyarrow as pa  # noqa: PLC0415

    return table.append_column("depth", pa.array(list(depths), pa.int64()))


def with_further_slices(table: pa.Table, names: Sequence[Sequence[str]]) -> pa.Table:
    """Add the column ``further_slices`` to a table."""
    import pyarrow as pa  # noqa: PLC0415

    return table.append_column("further_slices", pa.array([list(one) for one in names], pa.list_(pa.string())))


def with_grades(table: pa.Table, grades: Sequence[Sequence[float]]) -> pa.Table:
    """Add the column ``grades`` to a table: of each query, those of its positives in their order."""
    import pyarrow as pa  # noqa: PLC0415

    return table.append_column("grades", pa.array([list(one) for one in grades], pa.list_(pa.float64())))


def schema() -> pa.Schema:
    """Return the Arrow schema of ``ranking/1``."""
    import pyarrow as pa  # noqa: PLC0415

    types = [pa.string()] * 3 + [pa.int64(), pa.list_(pa.string()), pa.list_(pa.int64()), pa.list_(pa.int64())]
    types += [pa.list_(pa.float32()), pa.list_(pa.string()), pa.list_(pa.float32())]
    return pa.schema(list(zip(COLUMNS, types, strict=True)))


def counts_of(table: pa.Table, tie_tolerance: float) -> RankCounts:
    """Read the counts back.

    :raises MetricError: where a column is missing.
    """
    counts = _ungraded(table, tie_tolerance)
    if "grades" not in table.column_names:
        return counts
    lengths, flat = _ragged(table.column("grades"))
    grades = flat.astype(np.float64)
    if not np.array_equal(lengths, counts.n_positives):
        raise MetricError("the column grades does not hold one grade a positive", remedy=f"they must be {SCHEMA}")
    otherwise = counts.otherwise and replace(counts.otherwise, grade=grades)
    return replace(counts, grade=grades, otherwise=otherwise)


def _ungraded(table: pa.Table, tie_tolerance: float) -> RankCounts:
    lacking = [name for name in ("better", "tied", "score", "n_candidates") if name not in table.column_names]
    if lacking:
        raise MetricError(f"the predictions have no column {', '.join(lacking)}", remedy=f"they must be {SCHEMA}")
    names = ("better", "tied", "score")
    if "inside" not in table.column_names:
        ragged = [_ragged(table.column(name)) for name in names]
        candidates = table.column("n_candidates").to_numpy()
        flat = [values for _, values in ragged]
        return RankCounts.from_flat([ns for ns, _ in ragged], flat, candidates, tie_tolerance=tie_tolerance)
    lists = [table.column(name).to_pylist() for name in (*names, "n_candidates")]
    counts = RankCounts.from_lists(*lists, tie_tolerance=tie_tolerance)
    # Rows of a fold without such a tie have no value there.
    inside = [1.0 if value is None else value for value in table.column("inside").to_pylist()]
    outside = [
        [own if other is None else other for own, other in zip(kept, table.column(name).to_pylist(), strict=True)]
        for kept, name in zip(lists[:2], ("outside_better", "outside_tied"), strict=True)
    ]
    otherwise = RankCounts.from_lists(*outside, *lists[2:], tie_tolerance=tie_tolerance)
    return replace(counts, otherwise=otherwise, inside=np.asarray(inside))


def _ragged(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.number]]:
    """Return the length of each list of a column, and all their entries; no list of a list is made.

    :raises MetricError: where a list is missing.
    """
    if column.null_count:
        raise MetricError("the predictions have a query without counts or grades", remedy=f"they must be {SCHEMA}")
    chunks = [
        (np.diff(chunk.offsets.to_numpy()), chunk.flatten().to_numpy(zero_copy_only=False)) for chunk in column.chunks
    ]
    empty = (np.empty(0, np.int64), np.empty(0, np.int64))
    lengths, values = zip(*(chunks or [empty]), strict=True)
    return np.concatenate(lengths).astype(np.int64), np.concatenate(values)
