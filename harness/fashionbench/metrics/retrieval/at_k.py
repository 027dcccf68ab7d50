"""Ranking metrics from counts: how many candidates stand before each positive, and how many are tied with it.

Nothing here sees a score matrix. A query's ranking is known, up to the order of its negatives, from three numbers a
positive: the negatives scored strictly better, the negatives tied with it, and its own score. Every function takes
such :class:`RankCounts` and returns one float64 value a query; the caller averages.

Ties are settled by a declared rule rather than by the order in which a sort happened to leave them:

``expected``
    the mean over a uniformly random order within each group of tied candidates, in closed form;
``pessimistic``
    every tied negative stands before the positives of its group;
``optimistic``
    every tied negative stands behind them.

Source: F. McSherry and M. Najork, "Computing information retrieval performance measures efficiently in the presence
of tied scores", ECIR 2008. Their formulas are for whole lists; the truncation at ``k`` is derived here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, Literal, ParamSpec, get_args

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.predictions.rank_counts import RankCounts, describe_indices

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    IntArray = NDArray[np.int64]


TieRule = Literal["expected", "pessimistic", "optimistic"]
Missing = Literal["refuse", "miss"]
_TABLE_END = 32  # from here on the asymptotic series of the harmonic numbers is exact to a float64's last bits
_HARMONIC = np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, _TABLE_END + 1))])

P = ParamSpec("P")


def _over_the_cut(
    metric: Callable[Concatenate[RankCounts, P], FloatArray],
) -> Callable[Concatenate[RankCounts, P], FloatArray]:
    """Weigh what a metric gives for the counts inside and outside a cut by their probabilities.

    Under ``pessimistic`` ties whatever may be outside is, under ``optimistic`` it is inside.
    """

    @wraps(metric)
    def weighed(counts: RankCounts, /, *args: P.args, **kwargs: P.kwargs) -> FloatArray:
        value = metric(counts, *args, **kwargs)
        if counts.otherwise is None or counts.inside is None:
            return value
        outside = metric(counts.otherwise, *args, **kwargs)
        ties = kwargs.get("ties", "expected")
        share = counts.inside if ties == "expected" else np.where(counts.inside < 1, float(ties == "optimistic"), 1.0)
        return np.where(share == 1, value, share * value + (1 - share) * outside)

    return weighed


@_over_the_cut
def hit_at_k(counts: RankCounts, k: int, *, ties: TieRule = "expected", missing: Missing = "refuse") -> FloatArray:
    """Tell whether any positive is among the first ``k`` candidates; under ``expected`` ties, the probability of it.

    With ``j`` places of the first tie group inside the top ``k``, ``t`` tied negatives and ``m`` positives in it, the
    probability that all ``j`` are negatives is hypergeometric: ``C(t, j) / C(t + m, j)``.

    :param k: the cut-off, at least 1. A cut-off beyond the last candidate takes the whole list.
    :param missing: ``refuse`` raises for a query without positives, ``miss`` scores it 0.
    :returns: float64 [Nq] in [0, 1].
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    first = _first_groups(counts, ties, missing)
    inside = np.clip(_cutoff(k) - first.ahead, 0, first.size)
    all_negative = np.ones(first.query.size)
    for i in range(int(first.positives.max(initial=0))):
        left = np.clip(first.size - inside - i, 0, None) / np.maximum(first.size - i, 1)
        all_negative *= np.where(i < first.positives, left, 1.0)
    return _per_query(counts, first, 1.0 - all_negative)


@_over_the_cut
def recall_at_k(counts: RankCounts, k: int, *, ties: TieRule = "expected", missing: Missing = "refuse") -> FloatArray:
    """Give the share of a query's positives that are among its first ``k`` candidates.

    With one positive a query this is :func:`hit_at_k`. With several it cannot reach 1 while ``k`` is below their
    number; papers in this field often print hit@k under the name R@k.

    :returns: float64 [Nq] in [0, 1].
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    groups = _tie_groups(counts, ties, missing)
    found = groups.positives * np.clip((_cutoff(k) - groups.ahead) / groups.size, 0.0, 1.0)
    return _per_query(counts, groups, found / counts.n_positives[groups.query])


@_over_the_cut
def reciprocal_rank(counts: RankCounts, *, ties: TieRule = "expected", missing: Missing = "refuse") -> FloatArray:
    """Give one over the rank of the first positive; for ``expected`` ties the mean of it, not one over the mean rank.

    The first of ``m`` positives among ``n`` tied candidates stands at place ``x`` with probability
    ``C(n - x, m - 1) / C(n, m)``.

    :returns: float64 [Nq] in (0, 1], or 0 for a query scored as a miss.
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    first = _first_groups(counts, ties, missing)
    value = _harmonic_span(first.ahead, first.tied + 1) / (first.tied + 1)
    several = first.positives > 1
    value[several] = 1.0 / (first.ahead[several] + 1)
    # Several positives among tied negatives need a sum a query; a scorer that ties much ties in few different ways.
    several &= first.tied > 0
    known: dict[tuple[int, int, int], float] = {}
    for i in np.flatnonzero(several):
        shape = (int(first.ahead[i]), int(first.tied[i]), int(first.positives[i]))
        if shape not in known:
            known[shape] = _mean_reciprocal(*shape)
        value[i] = known[shape]
    return _per_query(counts, first, value)


@_over_the_cut
def first_rank(counts: RankCounts, *, ties: TieRule = "expected", missing: Missing = "refuse") -> FloatArray:
    """Give the rank of the first positive, counted from 1; its median over queries is the usual MedR.

    Under ``expected`` ties it is the mean rank, ``ahead + (n + 1) / (m + 1)`` for ``m`` positives among ``n`` tied
    candidates, and so need not be whole.

    :param missing: ``miss`` puts a query without positives one place behind its last candidate.
    :returns: float64 [Nq], at least 1.
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    first = _first_groups(counts, ties, missing)
    ranks = counts.n_candidates.astype(np.float64) + 1.0
    ranks[first.query] = first.ahead + (first.size + 1) / (first.positives + 1)
    return ranks


@_over_the_cut
def average_precision_at_k(
    counts: RankCounts, k: int | None, *, ties: TieRule = "expected", missing: Missing = "refuse"
) -> FloatArray:
    """Compute the average precision of the first ``k`` candidates; its mean over queries is mAP@k.

    The sum of the precisions at the positives found within ``k`` is divided by ``min(R, k)``, with ``R`` the query's
    positives, so that a perfect ranking scores 1 whatever ``k`` is and a positive left out costs. This is the rule of
    CIRCO (Baldrati et al., ICCV 2023). Dividing by ``R`` caps the value below 1 where ``R > k``; dividing by the
    positives found, as torchmetrics does, forgives what is missing. Without a cut-off all three agree.

    :param k: the cut-off, at least 1; ``None`` takes the whole list.
    :returns: float64 [Nq] in [0, 1].
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    groups = _tie_groups(counts, ties, missing)
    n_positives = counts.n_positives[groups.query]
    if k is None:
        places, normaliser = groups.size, n_positives
    else:
        places = np.clip(_cutoff(k) - groups.ahead, 0, groups.size)
        normaliser = np.minimum(n_positives, k)
    # Place x of a group holds a positive with probability m / n, and then sees on average (x - 1) (m - 1) / (n - 1)
    # positives of its own group before it; summed over x <= places this leaves one stretch of the harmonic series.
    slope = (groups.positives - 1) / np.maximum(groups.size - 1, 1)
    reciprocals = _harmonic_span(groups.ahead, places)
    precision = (groups.earlier + 1) * reciprocals + slope * (places - (groups.ahead + 1) * reciprocals)
    return _per_query(counts, groups, groups.positives / groups.size * precision / normaliser)


@_over_the_cut
def ndcg_at_k(counts: RankCounts, k: int, *, ties: TieRule = "expected", missing: Missing = "refuse") -> FloatArray:
    """Compute the normalised discounted cumulative gain of the first ``k`` candidates.

    A positive at rank ``r`` gains its grade (1 where the counts have none) over ``log2(r + 1)``; the sum is divided by
    that of a ranking in the order of the grades. Each place of a group of ``n`` tied candidates holds each of them with
    probability ``1 / n``, and gains add up, so the mean over all orders is exact. Among tied positives, ``pessimistic``
    puts the lower grade first, and ``optimistic`` the higher one.

    :param k: the cut-off, at least 1.
    :returns: float64 [Nq] in [0, 1].
    :raises MetricError: for a query without positives, unless ``missing="miss"``.
    """
    groups = _tie_groups(counts, ties, missing)
    gains = np.concatenate([[0.0], np.cumsum(1.0 / np.log2(np.arange(2, _cutoff(k) + 2)))])
    if counts.grade is None:
        total: FloatArray | IntArray = groups.positives
        best = gains[np.minimum(counts.n_positives, k)]
    else:
        query = np.repeat(np.arange(counts.n_positives.size), counts.n_positives)
        if ties != "expected":
            groups = _by_grade(groups, counts.grade, best_first=ties == "optimistic")
        members = np.repeat(np.arange(groups.query.size), groups.positives)
        total = np.bincount(members, weights=counts.grade[groups.members], minlength=groups.query.size)
        place = np.minimum(np.arange(query.size) - counts.offsets[query], k)
        ideal = counts.grade[np.lexsort((-counts.grade, query))] * np.append(np.diff(gains), 0.0)[place]
        best = np.bincount(query, weights=ideal, minlength=counts.n_positives.size)
    within = gains[np.minimum(groups.ahead + groups.size, k)] - gains[np.minimum(groups.ahead, k)]
    value = _per_query(counts, groups, total / groups.size * within / best[groups.query])
    return value if counts.grade is None else np.minimum(value, 1.0)  # sums in two orders differ in their last bits


def _by_grade(groups: _TieGroups, grade: FloatArray, *, best_first: bool) -> _TieGroups:
    """Part groups in which no negative is left into their positives, in the order of the grades."""
    group = np.repeat(np.arange(groups.query.size), groups.positives)
    order = np.lexsort((-grade[groups.members] if best_first else grade[groups.members], group))
    place = np.arange(group.size) - np.repeat(np.cumsum(groups.positives) - groups.positives, groups.positives)
    one = np.ones_like(group)
    query, ahead, earlier = groups.query[group], groups.ahead[group] + place, groups.earlier[group] + place
    return _TieGroups(query, ahead, earlier, one - 1, one, groups.members[order])


@dataclass(frozen=True, eq=False)
class _TieGroups:
    """Groups of tied positives, best first within a query, each with the negatives tied with it."""

    query: IntArray
    ahead: IntArray  # candidates before the group, negatives and positives
    earlier: IntArray  # the positives among them
    tied: IntArray
    positives: IntArray
    members: IntArray  # the positives of all groups, as indices into the counts, group by group

    @property
    def size(self) -> IntArray:
        return self.tied + self.positives


def _tie_groups(counts: RankCounts, ties: TieRule, missing: Missing) -> _TieGroups:
    if ties not in get_args(TieRule):
        raise MetricError(f"unknown tie rule {ties!r}", remedy=f"use one of {', '.join(get_args(TieRule))}")
    if missing not in get_args(Missing):
        raise MetricError(f"unknown treatment {missing!r} of missing positives", remedy="use refuse or miss")
    n_positives = counts.n_positives
    if missing == "refuse" and not n_positives.all():
        raise MetricError(
            f"no positive in the gallery for the queries {describe_indices(np.flatnonzero(n_positives == 0))}",
            remedy='leave these queries out and say so, or score them as misses with missing="miss"',
        )
    query = np.repeat(np.arange(n_positives.size), n_positives)
    score = counts.score.astype(np.float64)
    order = np.lexsort((-score, query))
    query, score = query[order], score[order]
    better, reach = counts.better[order], (counts.better + counts.tied)[order]
    opens = np.ones(query.size, dtype=bool)
    opens[1:] = (query[1:] != query[:-1]) | (score[:-1] - score[1:] > counts.tie_tolerance)
    start = np.flatnonzero(opens)
    if not start.size:
        none = np.zeros(0, dtype=np.int64)
        return _TieGroups(none, none, none, none, none, none)
    # Tied within a tolerance is not transitive. A group is a chain of tied positives, and its negatives are those tied
    # with any of them; where scores are exactly equal, every member has the same counts and nothing is widened.
    ahead = np.minimum.reduceat(better, start)
    tied = np.maximum.reduceat(reach, start) - ahead
    earlier = start - counts.offsets[query[start]]
    if ties == "pessimistic":
        ahead = ahead + tied
    if ties != "expected":
        tied = np.zeros_like(tied)
    return _TieGroups(query[start], ahead + earlier, earlier, tied, np.diff(np.append(start, query.size)), order)


def _first_groups(counts: RankCounts, ties: TieRule, missing: Missing) -> _TieGroups:
    groups = _tie_groups(counts, ties, missing)
    first = groups.earlier == 0
    return _TieGroups(
        groups.query[first],
        groups.ahead[first],
        groups.earlier[first],
        groups.tied[first],
        groups.positives[first],
        groups.members[np.repeat(first, groups.positives)],
    )


def _per_query(counts: RankCounts, groups: _TieGroups, value: FloatArray) -> FloatArray:
    """Sum over each query's groups; a query without groups was let through as a miss and gets 0."""
    return np.bincount(groups.query, weights=value, minlength=counts.n_candidates.size).astype(np.float64)


def _mean_reciprocal(ahead: int, tied: int, positives: int) -> float:
    size = tied + positives
    place = np.arange(tied + 1)
    # The chance that the first places are all negatives; a running product stays exact where binomials overflow.
    none_yet = np.concatenate([[1.0], np.cumprod((tied - place[:-1]) / (size - place[:-1]))])
    return float(np.sum(none_yet * positives / (size - place) / (ahead + 1 + place)))


def _harmonic_span(start: IntArray, length: IntArray) -> FloatArray:
    """Compute ``1 / (start + 1) + ... + 1 / (start + length)`` without the cancellation of H(b) - H(a)."""
    end = start + length
    head = _HARMONIC[np.minimum(end, _TABLE_END)] - _HARMONIC[np.minimum(start, _TABLE_END)]
    a = np.maximum(start, _TABLE_END).astype(np.float64)
    b = np.maximum(end, _TABLE_END).astype(np.float64)
    tail = np.log1p((b - a) / a) + (1 / b - 1 / a) / 2 - (b**-2 - a**-2) / 12 + (b**-4 - a**-4) / 120
    tail -= (b**-6 - a**-6) / 252
    return np.where(length == 1, 1.0 / (start + 1), head + tail)


def _cutoff(k: int) -> int:
    if k < 1:
        raise MetricError(f"the cut-off k must be at least 1, it is {k}")
    return k
