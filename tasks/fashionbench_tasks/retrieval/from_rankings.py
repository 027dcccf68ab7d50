"""Convert imported rankings and hit lists to predictions; no image is needed.

A list gives an order, and may give scores, by which candidates tie. It may end before the candidates do: a positive
that it does not name is then ranked last, which is the least that it can be worth, and the column ``depth`` says where
the list ends, so that no metric takes that for its rank.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fashionbench.errors import DataError, first_names
from fashionbench.predictions.id_matching import IdMatcher
from fashionbench.predictions.rank_counts import Ranking
from fashionbench.predictions.ranking import Labels, ranking_table, with_depth
from fashionbench_tasks.retrieval.candidates import Candidates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.predictions.imported import Imported, RankedList
    from fashionbench_tasks.retrieval.fold import Fold

#: The slice of CIRR that its second server file is of.
SUBSET = "subset"
_KEPT = 50
#: Of a positive: the negatives before it, those tied with it, and the place where its group begins.
_Placed: TypeAlias = tuple[int, int, int]


def counted_rows(imported: Imported, folds: Sequence[Fold]) -> dict[str, str]:
    """Count the rows of a hit list that are as deep as the candidates of their query, and hold no hit.

    The list that they were made of leaves the answer out; it is ranked last, as in a ranking that does not name it.

    :param folds: as for :func:`tables_of`.
    """
    if imported.hits is None:
        return {}
    empty: list[str] = []
    at = 0
    for fold in _parts_of(imported, folds):
        candidates = Candidates(fold)
        for query, hits in zip(fold.asked, imported.hits[at:], strict=False):
            if fold.positives.get(query) and not hits.any() and len(hits) >= candidates.count(query):
                empty.append(query)
        at += len(fold.asked)
    said = f"{len(empty)} of {len(imported.hits)}, ranked last: {first_names(empty)}"
    return {"rows as deep as their candidates without a hit": said} if empty else {}


def _parts_of(imported: Imported, folds: Sequence[Fold]) -> Sequence[Fold]:
    """Choose the parts that a hit list is of, which it does not say: of all, if it has as many rows as all queries."""
    assert imported.hits is not None  # noqa: S101
    rows = sum(len(fold.asked) for fold in folds)
    return folds if len(imported.hits) == rows else [fold for fold in folds if fold.name != SUBSET]


def tables_of(imported: Imported, folds: Sequence[Fold]) -> list[pa.Table]:
    """Make one table a fold, its rows in the task's order.

    :param folds: with every query and the whole gallery, whether their images are there or not.
    :raises DataError: where a query has no ranking, a ranking names an unknown candidate, or hit lists do not fit.
    """
    whole = [fold for fold in folds if fold.name != SUBSET]
    subset = [fold for fold in folds if fold.name == SUBSET]
    if imported.subset_rankings and not subset:
        msg = f"{imported.name} ranks CIRR's subsets, and this task has none"
        raise DataError(msg, remedy="leave the file with the metric recall_subset out")
    tables: list[pa.Table] = []
    if imported.hits is not None:
        tables += _from_hits(imported, _parts_of(imported, folds))
    if imported.rankings:
        tables += _from_rankings(imported.rankings, whole, imported.name)
    if imported.subset_rankings:
        tables += _from_rankings(imported.subset_rankings, subset, imported.name)
    return tables


def _from_rankings(rankings: Mapping[str, RankedList], folds: Sequence[Fold], name: str) -> list[pa.Table]:
    queries = IdMatcher(query for fold in folds for query in fold.asked)
    by_query: dict[str, RankedList] = {}
    stray: list[str] = []
    for given, ranked in rankings.items():
        query = queries.find(given)
        if query is None:
            stray.append(given)
        elif query in by_query:
            raise DataError(f"{name} ranks the query {query!r} twice, once as {given!r}", remedy="keep one of the two")
        else:
            by_query[query] = ranked
    if stray:
        msg = f"{name} ranks the unknown query {first_names([repr(one) for one in stray])}"
        raise DataError(msg, remedy=f"check the query ids; the task has such as {first_names(queries.names, 2)}")
    lacking = [query for query in queries.names if query not in by_query]
    if lacking:
        msg = f"{name} has no ranking for {len(lacking)} queries: {first_names(lacking)}"
        raise DataError(msg, remedy="every query needs one: a dropped batch makes another number")
    return [_ranked_fold(by_query, fold, name) for fold in folds]


def _ranked_fold(rankings: Mapping[str, RankedList], fold: Fold, name: str) -> pa.Table:
    candidates = Candidates(fold)
    gallery = IdMatcher(candidates.gallery)
    rows = _Rows(fold, candidates)
    for query in fold.asked:
        ranked = rankings[query]
        found = [gallery.find(given) for given in ranked.ids]
        if None in found:
            given = ranked.ids[found.index(None)]
            msg = f"{name}: {query} ranks {given!r}, which is no candidate"
            raise DataError(msg, remedy=f"the gallery has such as {first_names(gallery.names, 2)}")
        ids = [one for one in found if one is not None]
        if len(set(ids)) != len(ids):
            twice = Counter(ids).most_common(1)[0][0]
            raise DataError(f"{name}: {query!r} ranks a candidate twice: {twice}", remedy="remove the repetition")
        # Naming what the protocol excludes, such as the reference, is no fault; it is passed over.
        kept = candidates.among(query, ids)
        stray = sorted(set(ids) - set(kept) - candidates.excluded(query)) if fold.name == SUBSET else []
        if stray:
            msg = f"{name}: the query {query!r} ranks {first_names(stray, 3)}, which is no member of its subset"
            raise DataError(msg, remedy=f"its subset holds {first_names(candidates.listed(query) or (), 6)}")
        score_of = dict(zip(ids, ranked.scores, strict=True)) if ranked.scores else {}
        rows.add(query, kept, [score_of[one] for one in kept] if score_of else [])
    return rows.table()


class _Rows:
    """Rank counts of one fold, row by row."""

    def __init__(self, fold: Fold, candidates: Candidates) -> None:
        self._fold = fold
        self._candidates = candidates
        self._rows: list[Sequence[_Placed]] = []
        self._count: list[int] = []
        self._depth: list[int] = []
        self._top: list[Sequence[str]] = []

    def add(self, query: str, ranked: Sequence[str], scores: Sequence[float]) -> None:
        """Count what stands before each positive of a query in its list."""
        positives = sorted(self._fold.positives.get(query, ()))
        count = self._candidates.count(query)
        answers = set(positives)
        negative = np.array([one not in answers for one in ranked], dtype=bool)
        before = np.concatenate([[0], np.cumsum(negative)])  # negatives before each place
        place = {one: at for at, one in enumerate(ranked)}
        first, last = _tie_spans(scores) if scores else (np.arange(len(ranked)), np.arange(1, len(ranked) + 1))
        row: list[_Placed] = []
        for positive in positives:
            if positive in place:
                start, stop = int(first[place[positive]]), int(last[place[positive]])
                row.append((int(before[start]), int(before[stop] - before[start]), start))
            else:
                row.append((count - len(positives), 0, count))
        self.append(query, row, count, len(ranked), ranked[:_KEPT])

    def append(self, query: str, row: Sequence[_Placed], count: int, depth: int, top: Sequence[str]) -> None:
        """Add a row.

        :param depth: how many candidates the list names.
        """
        if count == 0:
            raise DataError(f"the query {query!r} of fold {self._fold.name} has no candidates", remedy="check its list")
        self._rows.append(row)
        self._count.append(count)
        self._depth.append(min(depth, count))
        self._top.append(top)

    def table(self) -> pa.Table:
        """Write the rows."""
        index = self._candidates.index
        width = max(map(len, self._top), default=0)
        top = np.full((len(self._top), width), -1, dtype=np.int64)
        for row, names in enumerate(self._top):
            top[row, : len(names)] = [index[name] for name in names]
        flat = np.array([placed for row in self._rows for placed in row], dtype=np.int64).reshape(-1, 3)
        ranking = Ranking(
            offsets=np.concatenate([[0], np.cumsum([len(row) for row in self._rows])]).astype(np.int64),
            better=flat[:, 0],
            tied=flat[:, 1],
            score=-flat[:, 2].astype(np.float32),
            n_candidates=np.array(self._count, dtype=np.int64),
            top_index=top,
            top_score=-np.arange(width, dtype=np.float32)[None].repeat(len(self._top), axis=0),
        )
        fold = self._fold
        labels = Labels(
            fold.name,
            fold.asked,
            [fold.clusters.get(query, query) for query in fold.asked],
            self._candidates.gallery,
            [sorted(fold.positives.get(query, ())) for query in fold.asked],
        )
        return with_depth(ranking_table(ranking, labels), self._depth)


def _tie_spans(scores: Sequence[float]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return for each place of a list where the group of equal scores that it lies in begins and ends."""
    values = np.asarray(scores, dtype=np.float64)
    opens = np.concatenate([[True], values[1:] != values[:-1]]) if len(values) else np.zeros(0, dtype=bool)
    start = np.flatnonzero(opens)
    group = np.cumsum(opens) - 1
    end = np.append(start[1:], len(values))
    return start[group], end[group]


def _from_hits(imported: Imported, folds: Sequence[Fold]) -> list[pa.Table]:
    assert imported.hits is not None  # noqa: S101
    wanted = sum(len(fold.asked) for fold in folds)
    if len(imported.hits) != wanted:
        parts = ", ".join(f"{len(fold.asked)} of {fold.name}" for fold in folds)
        msg = f"{imported.name} has {len(imported.hits)} rows, and the task asks {wanted} queries: {parts}"
        raise DataError(msg, remedy="join the lists of all parts, in the task's order")
    tables: list[pa.Table] = []
    at = 0
    for fold in folds:
        candidates = Candidates(fold)
        rows = _Rows(fold, candidates)
        for number, query in enumerate(fold.asked, at):
            hits = imported.hits[number]
            positives = fold.positives.get(query, ())
            if len(positives) > 1:
                raise DataError(f"{query} has several positives, and a hit list knows one", remedy="use rankings")
            count = candidates.count(query)
            place = int(hits.argmax()) if hits.any() else -1
            if place >= count or (place >= 0 and not positives):
                why = f"has {count} candidates" if positives else "has no answer in the gallery"
                msg = f"{imported.name}, row {number}: a hit at rank {place + 1}, and the query {query} {why}"
                raise DataError(msg, remedy="the rows must be in the task's order, the columns in that of the ranking")
            placed = (place, 0, place) if place >= 0 else (count - 1, 0, count)
            rows.append(query, [placed] * len(positives), count, len(hits), [])
        at += len(fold.asked)
        tables.append(rows.table())
    return tables
