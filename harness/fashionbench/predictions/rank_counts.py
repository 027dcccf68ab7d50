"""Rank counts: for each positive of each query, how many negatives score better and how many tie."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError, first_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]
    Float32Array = NDArray[np.float32]


_NAMED = 10  # how many offending indices an error lists before it says how many more there are


@dataclass(frozen=True, eq=False)
class RankCounts:
    """What a ranking says about each positive of each query, as ragged arrays.

    The positives of query ``i`` are the entries ``offsets[i]:offsets[i + 1]`` of the flat arrays.

    :param offsets: int64 [Nq + 1], starting at 0 and ending at the number of positives.
    :param better: int64 [P], negatives scored strictly better than the positive.
    :param tied: int64 [P], negatives tied with the positive.
    :param score: float32 [P], the positive's own score; decides which positives of a query are tied with each other.
    :param n_candidates: int64 [Nq], candidates the query was ranked against, its positives included.
    :param tie_tolerance: scores no further apart than this are tied.
    :param otherwise: what is counted where the positive of a query is not among the candidates that were re-ranked,
        for queries where a tie across the cut leaves that to chance.
    :param inside: float64 [Nq], the probability of these counts and not of ``otherwise``.
    :param grade: float64 [P], how relevant each positive is, above 0; None where all are alike.
    :raises MetricError: if the arrays contradict each other.
    """

    offsets: IntArray
    better: IntArray
    tied: IntArray
    score: NDArray[np.float32]
    n_candidates: IntArray
    tie_tolerance: float = 1e-6
    otherwise: RankCounts | None = None
    inside: FloatArray | None = None
    grade: FloatArray | None = None

    def __post_init__(self) -> None:
        n_positives = self.n_positives
        if self.offsets[0] != 0 or (n_positives < 0).any() or self.n_candidates.size != n_positives.size:
            raise MetricError("the offsets of the rank counts do not describe one list of positives a query")
        if not self.offsets[-1] == self.better.size == self.tied.size == self.score.size:
            raise MetricError(
                f"the rank counts differ in length: offsets end at {self.offsets[-1]}, better has {self.better.size}, "
                f"tied has {self.tied.size}, score has {self.score.size} entries"
            )
        if not self.tie_tolerance >= 0:
            raise MetricError(f"tie_tolerance must not be negative or NaN, it is {self.tie_tolerance}")
        if self.inside is not None and not (
            self.inside.shape == n_positives.shape and ((self.inside >= 0) & (self.inside <= 1)).all()
        ):
            raise MetricError("there is not one probability between 0 and 1 a query of a tie across the cut")
        if self.grade is not None and self.grade.shape != self.score.shape:
            msg = f"the rank counts have {self.score.size} positives, and {self.grade.size} grades"
            raise MetricError(msg, remedy="write one grade a positive")
        if self.grade is not None and not (np.isfinite(self.grade) & (self.grade > 0)).all():
            msg = "a grade of a positive is not above 0, or not finite"
            raise MetricError(msg, remedy="what is not relevant is no positive")
        query = np.repeat(np.arange(n_positives.size), n_positives)
        impossible = (self.better < 0) | (self.tied < 0) | ~np.isfinite(self.score)
        impossible |= self.better + self.tied + n_positives[query] > self.n_candidates[query]
        if impossible.any():
            raise MetricError(
                f"impossible rank counts at the queries {describe_indices(np.unique(query[impossible]))}: a count is "
                "negative, a score is not finite, or more negatives are counted than there are candidates"
            )

    @classmethod
    def from_lists(
        cls,
        better: Sequence[Sequence[int]],
        tied: Sequence[Sequence[int]],
        score: Sequence[Sequence[float]],
        n_candidates: Sequence[int],
        *,
        tie_tolerance: float = 1e-6,
    ) -> RankCounts:
        """Build the counts from one list a query, the form in which predictions are stored.

        :param better: for each query, the count of strictly better negatives of each of its positives.
        :param tied: the same for tied negatives.
        :param score: the same for the positives' scores.
        :param n_candidates: the number of candidates of each query.
        :param tie_tolerance: as in :class:`RankCounts`; the value that was used for counting.
        :raises MetricError: if the columns differ in length or contradict each other.
        """
        lengths = [np.fromiter(map(len, column), np.int64, len(column)) for column in (better, tied, score)]
        flat = [np.fromiter(chain.from_iterable(column), np.float64) for column in (better, tied, score)]
        return cls.from_flat(lengths, flat, np.asarray(n_candidates, dtype=np.int64), tie_tolerance=tie_tolerance)

    @classmethod
    def from_flat(
        cls,
        lengths: Sequence[IntArray],
        flat: Sequence[NDArray[np.number]],
        n_candidates: IntArray,
        *,
        tie_tolerance: float = 1e-6,
    ) -> RankCounts:
        """Build the counts from the columns ``better``, ``tied`` and ``score``, each with all its entries in one array.

        :param lengths: of each column, the number of entries of each query.
        :param flat: of each column, its entries.
        :raises MetricError: as :meth:`from_lists`.
        """
        for name, other in (("tied", lengths[1]), ("score", lengths[2])):
            if other.size != lengths[0].size:
                raise MetricError(f"the column {name} has {other.size} queries, the column better {lengths[0].size}")
            differing = np.flatnonzero(other != lengths[0])
            if differing.size:
                raise MetricError(
                    f"the columns better and {name} differ in their number of positives "
                    f"at the queries {describe_indices(differing)}"
                )
        return cls(
            offsets=np.concatenate([[0], np.cumsum(lengths[0])]).astype(np.int64),
            better=flat[0].astype(np.int64),
            tied=flat[1].astype(np.int64),
            score=flat[2].astype(np.float32),
            n_candidates=n_candidates,
            tie_tolerance=tie_tolerance,
        )

    @property
    def n_positives(self) -> IntArray:
        """The number of positives of each query, int64 [Nq]."""
        return np.diff(self.offsets)


def describe_indices(indices: IntArray) -> str:
    """Write indices for an error message, the first few in full and the rest as a number."""
    return first_names(indices.tolist(), _NAMED)


@dataclass(frozen=True, eq=False)
class Ranking(RankCounts):
    """The counts of every positive, with what else the pass over the gallery has seen.

    :param n_zero_queries: queries with an all-zero vector; its cosine with everything is taken as 0.
    :param n_zero_gallery: gallery items with an all-zero vector.
    :param top_index: int64 [Nq, k], gallery indices by descending score, then ascending; -1 behind the last candidate.
    :param top_score: float32 [Nq, k], their scores; minus infinity behind the last candidate.
    """

    n_zero_queries: int = 0
    n_zero_gallery: int = 0
    top_index: IntArray | None = None
    top_score: Float32Array | None = None
