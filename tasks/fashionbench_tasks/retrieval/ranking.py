"""Rank a whole gallery, or the candidates of each query, and re-rank the best by pair scores."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fashionbench.data.items import PairItem
from fashionbench.data.lazy_items import opened
from fashionbench.errors import BackendError, first_names
from fashionbench.metrics.retrieval.rank_counting import count_from_scores, count_ranks
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

    A positive that was not among the best keeps its counts: every candidate before it stays before it.
    """
    assert ranking.top_index is not None  # noqa: S101
    top = ranking.top_index[:, :depth]
    pairs = [
        PairItem(f"{query.id}>{lists.fold.gallery[item].id}", opened(query), opened(lists.fold.gallery[item]))  # type: ignore[arg-type]
        for query, row in zip(lists.queries, top.tolist(), strict=True)
        for item in row
        if item >= 0
    ]
    scores = np.full(top.shape, -np.inf, dtype=np.float32)
    scores[top >= 0] = answers.score(pairs)
    better, tied, score = ranking.better.copy(), ranking.tied.copy(), ranking.score.copy()
    for query, row in enumerate(top):
        start = int(ranking.offsets[query])
        wanted = lists.positives[query]
        negative = ~np.isin(row, wanted) & (row >= 0)
        for number, item in enumerate(wanted):
            positions = np.flatnonzero(row == item)
            if positions.size:
                positive_score = scores[query, positions[0]]
                better[start + number] = int((scores[query][negative] > positive_score).sum())
                tied[start + number] = int((scores[query][negative] == positive_score).sum())
                score[start + number] = positive_score
            else:
                # Below every pair score, in the order of before.
                score[start + number] = scores[query][row >= 0].min(initial=0.0) - 4 + ranking.score[start + number]
    order = np.argsort(-scores, axis=1, kind="stable")
    new = ranking.top_index.copy()
    new[:, :depth] = np.take_along_axis(top, order, axis=1)
    assert ranking.top_score is not None  # noqa: S101
    shown = ranking.top_score.copy()
    shown[:, :depth] = np.take_along_axis(scores, order, axis=1)
    return replace(ranking, better=better, tied=tied, score=score, top_index=new, top_score=shown)


def _cosine(query: NDArray[Any], candidates: NDArray[Any]) -> NDArray[np.float32]:
    """Score candidates [N, D] or [N, Q, D] for a query [D] or [Q, D] by the maximum cosine over their vectors."""
    one = np.atleast_2d(query).astype(np.float64)
    many = candidates.astype(np.float64).reshape(len(candidates), -1, candidates.shape[-1])
    one /= np.maximum(np.linalg.norm(one, axis=-1, keepdims=True), 1e-30)
    many /= np.maximum(np.linalg.norm(many, axis=-1, keepdims=True), 1e-30)
    best: NDArray[Any] = np.einsum("pd,nqd->npq", one, many).reshape(len(many), -1).max(axis=1)
    return np.asarray(best, dtype=np.float32)
