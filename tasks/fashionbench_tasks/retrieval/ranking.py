"""Rank a whole gallery, or the candidates of each query, and re-rank the best by pair scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.items import PairItem
from fashionbench.data.lazy_items import opened
from fashionbench.errors import BackendError, first_names
from fashionbench.metrics.retrieval.rank_counting import count_from_scores, count_ranks
from fashionbench.predictions.rank_counts import RankCounts
from fashionbench.predictions.ranking import Labels
from fashionbench_tasks.retrieval.candidates import Candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench.predictions.rank_counts import Ranking
    from fashionbench.runner.bound_backend import BoundBackend
    from fashionbench_tasks.retrieval.fold import Fold

#: How many candidates of each query are kept for people to look at, and at most re-ranked.
KEPT = 50


class Lists:
    """The ids of a fold as indices into its gallery."""

    def __init__(self, fold: Fold, queries: Sequence[Source], positives: Sequence[Sequence[str]]) -> None:
        self.fold = fold
        self.queries = queries
        self.candidates = Candidates(fold)
        self.index = self.candidates.index
        self.positives = [[self.index[name] for name in ids] for ids in positives]
        self.exclude = [[self.index[name] for name in sorted(self.candidates.excluded(q.id))] for q in queries]
        self.labels = Labels(
            fold.name,
            [query.id for query in queries],
            [fold.clusters.get(query.id, query.id) for query in queries],
            self.candidates.gallery,
            positives,
        )


def rank_gallery(queries: NDArray[Any], gallery: NDArray[Any], lists: Lists, tolerance: float) -> Ranking:
    """Rank the whole gallery for each query."""
    depth = min(KEPT, len(gallery))
    return count_ranks(queries, gallery, lists.positives, exclude=lists.exclude, tie_tolerance=tolerance, top_k=depth)


def rank_candidates(queries: NDArray[Any], gallery: NDArray[Any], lists: Lists, tolerance: float) -> Ranking:
    """Rank for each query the candidates that the protocol lists for it; ``top_index`` is into the gallery.

    :raises BackendError: where a query has no candidates, which would make any rank a perfect one.
    """
    rows = [[lists.index[name] for name in lists.candidates.listed(q.id) or ()] for q in lists.queries]
    empty = [query.id for query, row in zip(lists.queries, rows, strict=True) if not row]
    if empty or not rows:
        msg = f"fold {lists.fold.name} has a query without candidates: {first_names(empty)}"
        raise BackendError(msg, remedy="check the candidate lists")
    width = max(map(len, rows))
    scores = np.zeros((len(rows), width), dtype=np.float32)
    for at, row in enumerate(rows):
        scores[at, : len(row)] = _cosine(queries[at], gallery[row])
    places = [{item: column for column, item in enumerate(row)} for row in rows]
    positives = [[places[at][item] for item in wanted] for at, wanted in enumerate(lists.positives)]
    exclude = [list(range(len(row), width)) for row in rows]
    ranking = count_from_scores(scores, positives, exclude=exclude, tie_tolerance=tolerance, top_k=min(KEPT, width))
    assert ranking.top_index is not None  # noqa: S101
    table = np.array([row + [-1] * (width - len(row)) for row in rows])
    top = np.where(ranking.top_index >= 0, np.take_along_axis(table, np.maximum(ranking.top_index, 0), axis=1), -1)
    return replace(ranking, top_index=top)


def rerank(ranking: Ranking, lists: Lists, answers: BoundBackend, depth: int) -> Ranking:
    """Order the best ``depth`` candidates of each query anew by the backend's pair scores; the others stay behind them.

    A positive that was not among the best keeps its counts: every candidate before it stays before it. Where it is tied
    with candidates on both sides of the cut it is among the best with the probability that a random order of the tied
    ones gives it, and both counts are kept. Of a query with several positives such a tie is in gallery order.
    """
    assert ranking.top_index is not None  # noqa: S101
    assert ranking.top_score is not None  # noqa: S101
    top = ranking.top_index[:, :depth]
    scores = np.full(top.shape, -np.inf, dtype=np.float32)
    scores[top >= 0] = answers.score(_pairs(lists, np.argwhere(top >= 0), top))
    inside, beyond = _inside(ranking, lists, top)
    # The positive of such a tie may not be listed; its score is needed all the same.
    own = (
        dict(zip(beyond, answers.score([_pair(lists, q, lists.positives[q][0]) for q in beyond]), strict=True))
        if beyond
        else {}
    )
    better, tied, score = ranking.better.copy(), ranking.tied.copy(), ranking.score.copy()
    outside_better, outside_tied = better.copy(), tied.copy()
    for query, row in enumerate(top):
        start = int(ranking.offsets[query])
        wanted = lists.positives[query]
        listed = row[row >= 0]
        negative = ~np.isin(row, wanted) & (row >= 0)
        for number, item in enumerate(wanted):
            at = start + number
            positions = np.flatnonzero(row == item)
            before = int(ranking.better[at] + ranking.tied[at])
            if positions.size or query in own:
                rivals = scores[query][negative]
                if query in own:
                    # It takes the place of the last of those that it is tied with.
                    rivals = rivals[: listed.size - 1]
                score[at] = scores[query, positions[0]] if positions.size else own[query]
                better[at] = int((rivals > score[at]).sum())
                tied[at] = int((rivals == score[at]).sum())
                outside_better[at], outside_tied[at] = better[at], tied[at]
                if inside[query] < 1:
                    outside_better[at], outside_tied[at] = listed.size, before - listed.size
            else:
                # Below every pair score, in the order of before, and behind whatever was re-ranked.
                score[at] = scores[query][row >= 0].min(initial=0.0) - 4 + ranking.score[at]
                better[at] = max(int(ranking.better[at]), int(negative.sum()))
                tied[at] = before - better[at]
                outside_better[at], outside_tied[at] = better[at], tied[at]
    order = np.argsort(-scores, axis=1, kind="stable")
    new = ranking.top_index.copy()
    new[:, :depth] = np.take_along_axis(top, order, axis=1)
    shown = ranking.top_score.copy()
    shown[:, :depth] = np.take_along_axis(scores, order, axis=1)
    reranked = replace(ranking, better=better, tied=tied, score=score, top_index=new, top_score=shown)
    if (inside == 1).all():
        return reranked
    counts = RankCounts(
        ranking.offsets, outside_better, outside_tied, score, ranking.n_candidates, ranking.tie_tolerance
    )
    return replace(reranked, otherwise=counts, inside=inside)


def _inside(ranking: Ranking, lists: Lists, top: NDArray[Any]) -> tuple[NDArray[np.float64], list[int]]:
    """Return the probability that the positive of each query is re-ranked, and where a tie left it out of the list."""
    probability, beyond = np.ones(len(top)), []
    for query, row in enumerate(top):
        if len(lists.positives[query]) != 1:
            continue
        at, places = int(ranking.offsets[query]), int((row >= 0).sum())
        better, tied = int(ranking.better[at]), int(ranking.tied[at]) + 1
        if better < places < better + tied:
            probability[query] = (places - better) / tied
            if lists.positives[query][0] not in row:
                beyond.append(query)
    return probability, beyond


def _pairs(lists: Lists, places: NDArray[Any], top: NDArray[Any]) -> list[PairItem]:
    return [_pair(lists, query, int(top[query, column])) for query, column in places.tolist()]


def _pair(lists: Lists, query: int, item: int) -> PairItem:
    asked, candidate = lists.queries[query], lists.fold.gallery[item]
    return PairItem(f"{asked.id}>{candidate.id}", opened(asked), opened(candidate))  # type: ignore[arg-type]


def _cosine(query: NDArray[Any], candidates: NDArray[Any]) -> NDArray[np.float32]:
    """Score candidates [N, D] or [N, Q, D] for a query [D] or [Q, D] by the maximum cosine over their vectors."""
    one = np.atleast_2d(query).astype(np.float64)
    many = candidates.astype(np.float64).reshape(len(candidates), -1, candidates.shape[-1])
    one /= np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-30)
    many /= np.maximum(np.linalg.norm(many, axis=-1, keepdims=True), 1e-30)
    best: NDArray[Any] = np.einsum("pd,nqd->npq", one, many).reshape(len(many), -1).max(axis=1)
    return np.asarray(best, dtype=np.float32)
