"""How deep imported lists go: which positives they do not name, and which cut-offs that leaves unknown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.predictions.rank_counts import RankCounts


@dataclass(frozen=True, eq=False)
class ListDepth:
    """Where the lists of queries end.

    :param depth: int64 [Nq], how many candidates each list names.
    :param candidates: int64 [Nq], how many it could name.
    :param some_unnamed: bool [Nq], whether the list ends before a positive of the query, whose rank is then unknown.
    :param all_unnamed: bool [Nq], whether it ends before all of them.
    """

    depth: NDArray[np.int64]
    candidates: NDArray[np.int64]
    some_unnamed: NDArray[np.bool_]
    all_unnamed: NDArray[np.bool_]

    def beyond(self, k: int) -> NDArray[np.bool_]:
        """Tell which lists end before a cut-off that is within their candidates; behind the last one all are in."""
        return (self.depth < k) & (k < self.candidates)

    def reason(self, unknown: NDArray[np.bool_]) -> str:
        """Say why the values of some queries are unknown."""
        depths = self.depth[unknown]
        ends = str(depths.min()) if depths.min() == depths.max() else f"{depths.min()} to {depths.max()}"
        return f"the imported lists end at {ends}, and {int(unknown.sum())} of {len(unknown)} do not name every answer"


def list_depth(table: pa.Table, counts: RankCounts) -> ListDepth:
    """Read where the lists of predictions end; only imported ones end before the last candidate."""
    depth = counts.n_candidates
    if "depth" in table.column_names:
        depth = np.asarray(table.column("depth").to_numpy(), dtype=np.int64)
    wanted = counts.n_positives
    query = np.repeat(np.arange(wanted.size), wanted)
    negatives = counts.n_candidates - wanted
    # A positive that is not named stands behind all negatives. So may a named one, but only in a list that names all
    # negatives, and in such a list nothing is unknown.
    last = counts.better >= negatives[query]
    named = np.bincount(query[~last], minlength=wanted.size)
    ends_early = depth - named < negatives
    unnamed = np.bincount(query[last], minlength=wanted.size) * ends_early
    return ListDepth(depth, counts.n_candidates, unnamed > 0, (unnamed == wanted) & (wanted > 0))
