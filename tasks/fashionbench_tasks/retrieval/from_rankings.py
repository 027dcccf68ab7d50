"""Convert imported rankings and hit lists to predictions.

A list gives an order and no scores, so there are no ties to report. It may end before the gallery does: a positive
that it does not name is ranked last, which is the least that it can be worth, and is exact for every cut-off within
the list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import DataError, first_names
from fashionbench.predictions.rank_counts import Ranking
from fashionbench.predictions.ranking import Labels, ranking_table, unavailable_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fashionbench.predictions.readers import Imported
    from fashionbench_tasks.retrieval.fold import Fold


def tables_of(imported: Imported, folds: Sequence[Fold]) -> list[pa.Table]:
    """Make one table a fold.

    :raises DataError: where a query has no ranking, a ranking names an unknown candidate, or hit lists do not fit.
    """
    subsets = [fold for fold in folds if fold.name == "subset"]
    chosen = [fold for fold in folds if (fold in subsets) == imported.subset] if subsets else list(folds)
    if imported.hits is not None:
        wanted = sum(len(fold.queries) + len(fold.unavailable) for fold in chosen)
        if len(imported.hits) != wanted:
            msg = f"{imported.path} has {len(imported.hits)} rows, and the task asks {wanted} queries"
            raise DataError(msg, remedy="join the lists of all categories, in the task's order")
    else:
        query_ids = {query.id for fold in chosen for query in fold.queries} | {
            n for fold in chosen for n in fold.unavailable
        }
        stray = sorted(set(imported.rankings) - query_ids)
        if stray:
            raise DataError(f"{imported.path} ranks the unknown query {stray[0]!r}", remedy="check the query ids")
    tables: list[pa.Table] = []
    at = 0
    for fold in chosen:
        if imported.hits is not None:
            rows = imported.hits[at : at + len(fold.queries)]
            at += len(fold.queries) + len(fold.unavailable)
            tables.append(_from_hits(rows, fold))
        else:
            tables.append(_from_rankings(imported.rankings, fold, str(imported.path)))
        if fold.unavailable:
            clusters = [fold.clusters.get(name, name) for name in fold.unavailable]
            tables.append(unavailable_rows(fold.name, fold.unavailable, clusters, len(fold.gallery)))
    return tables


def _from_rankings(rankings: Mapping[str, list[str]], fold: Fold, path: str) -> pa.Table:
    lacking = [query.id for query in fold.queries if query.id not in rankings]
    if lacking:
        msg = f"{path} has no ranking for {len(lacking)} queries: {first_names(lacking)}"
        raise DataError(msg, remedy="every query needs one: a dropped batch makes another number")
    gallery = [source.id for source in fold.gallery]
    known = set(gallery)
    better: list[list[int]] = []
    tops: list[list[str]] = []
    for query in fold.queries:
        candidates = known if fold.candidates is None else set(fold.candidates[query.id]) & known
        stray = [name for name in rankings[query.id] if name not in known]
        if stray:
            raise DataError(f"{path}: {query.id} ranks {stray[0]!r}, which is no candidate", remedy="check the gallery")
        # Naming what the protocol excludes, such as the reference, is no fault; it is passed over.
        excluded = set(fold.exclude.get(query.id, ()))
        ranked = [name for name in rankings[query.id] if name in candidates and name not in excluded]
        positives = sorted(fold.positives.get(query.id, ()))
        place = {name: at for at, name in enumerate(name for name in ranked if name not in positives)}
        last = len(candidates - excluded) - len(positives)
        better.append([_before(name, ranked, place, last) for name in positives])
        tops.append(ranked)
    return _table(fold, better, tops)


def _before(positive: str, ranked: Sequence[str], place: Mapping[str, int], last: int) -> int:
    """Count the negatives before a positive."""
    if positive not in ranked:
        return last
    at = ranked.index(positive)
    return sum(name in place for name in ranked[:at])


def _from_hits(hits: NDArray[np.bool_], fold: Fold) -> pa.Table:
    better: list[list[int]] = []
    for query, row in zip(fold.queries, hits, strict=True):
        excluded = len(set(fold.exclude.get(query.id, ())))
        last = len(fold.gallery) - excluded - 1
        wanted = fold.positives.get(query.id, ())
        if len(wanted) > 1:
            raise DataError(f"{query.id} has several positives, and a hit list knows one", remedy="use rankings")
        better.append([int(row.argmax()) if row.any() else last for _ in wanted])
    return _table(fold, better, [[] for _ in better])


def _table(fold: Fold, better: Sequence[Sequence[int]], tops: Sequence[Sequence[str]]) -> pa.Table:
    gallery = [source.id for source in fold.gallery]
    index = {name: at for at, name in enumerate(gallery)}
    flat = np.array([count for row in better for count in row], dtype=np.int64)
    width = max((min(len(row), 50) for row in tops), default=0)
    top = np.full((len(better), width), -1, dtype=np.int64)
    for row, names in enumerate(tops):
        indices = [index[name] for name in names[:width]]
        top[row, : len(indices)] = indices
    candidates = [
        len(gallery if fold.candidates is None else fold.candidates[q.id])
        - len(set(fold.exclude.get(q.id, ())) & index.keys())
        for q in fold.queries
    ]
    ranking = Ranking(
        offsets=np.concatenate([[0], np.cumsum([len(row) for row in better])]).astype(np.int64),
        better=flat,
        tied=np.zeros_like(flat),
        score=-flat.astype(np.float32),
        n_candidates=np.array(candidates, dtype=np.int64),
        top_index=top,
        top_score=-np.arange(width, dtype=np.float32)[None].repeat(len(better), axis=0),
    )
    labels = Labels(
        fold.name,
        [query.id for query in fold.queries],
        [fold.clusters.get(query.id, query.id) for query in fold.queries],
        gallery,
        [sorted(fold.positives.get(query.id, ())) for query in fold.queries],
    )
    return ranking_table(ranking, labels)
