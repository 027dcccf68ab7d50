"""One fold of a retrieval task: queries, their gallery, and the training part of a backend that fits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fashionbench.data.lazy_items import Source
    from fashionbench.data.training_examples import TrainingData


def _no_ids() -> Mapping[str, Collection[str]]:
    return MappingProxyType({})


def _no_views() -> Mapping[str, Sequence[Source]]:
    return MappingProxyType({})


def _no_slices() -> Mapping[str, Sequence[str]]:
    return MappingProxyType({})


def _no_grades() -> Mapping[str, Mapping[str, float]]:
    return MappingProxyType({})


def _no_clusters() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Queries, their gallery, and what a backend may learn from beforehand.

    :param name: the slice that the queries are reported under.
    :param positives: for each query id, the ids of the candidates that answer it; every one must be in the gallery.
    :param exclude: for each query id, gallery ids that are no candidates, such as the reference image.
    :param candidates: for each query id, the gallery ids that are its candidates (a sampled protocol); None for all.
    :param clusters: for each query id, what is resampled as one; by default the query itself.
    :param grades: for each query id whose positives are not all alike, how relevant each of them is, above 0; that of
        one without is 1.
    :param views: for each candidate that is a product of several photos, the others; its score is the greatest of all.
    :param further: for each query id, the names of further slices that it is reported under.
    :param unavailable: ids of queries whose files are missing or unreadable; they count as misses.
    :param order: ids of all queries, the unavailable ones among them, in the task's order, which is that of the rows of
        hit lists and of stored predictions; by default the unavailable ones stand at the end.
    """

    name: str
    queries: Sequence[Source]
    gallery: Sequence[Source]
    positives: Mapping[str, Collection[str]]
    exclude: Mapping[str, Collection[str]] = field(default_factory=_no_ids)
    candidates: Mapping[str, Sequence[str]] | None = None
    clusters: Mapping[str, str] = field(default_factory=_no_clusters)
    grades: Mapping[str, Mapping[str, float]] = field(default_factory=_no_grades)
    views: Mapping[str, Sequence[Source]] = field(default_factory=_no_views)
    further: Mapping[str, Sequence[str]] = field(default_factory=_no_slices)
    training: TrainingData | None = None
    unavailable: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str, ...]:
        """Ids of all queries in the task's order."""
        return self.order or (*(query.id for query in self.queries), *self.unavailable)

    def among(self, name: str, candidates: Mapping[str, Sequence[str]]) -> Fold:
        """Return this fold with a list of candidates for each query, under another name.

        Candidates that are not in the gallery, because their image is not there, are left out. Where none is left,
        the query is unavailable, which is a miss.
        """
        here = {source.id for source in self.gallery}
        left = {query: [name for name in names if name in here] for query, names in candidates.items()}
        lost = [query.id for query in self.queries if query.id in left and not left[query.id]]
        usable = [query for query in self.queries if left.get(query.id, True)]
        positives = {query.id: self.positives.get(query.id, ()) for query in usable}
        return replace(
            self,
            name=name,
            queries=usable,
            positives=positives,
            candidates=left,
            unavailable=(*self.unavailable, *lost),
            order=self.asked,
        )


def check_fold(fold: Fold) -> None:
    """Check that ids are unique on each side, and that every positive and every candidate is in the gallery.

    :raises DataError: naming the first id for which that does not hold.
    """
    gallery = _unique([source.id for source in fold.gallery], f"fold {fold.name}: the gallery holds")
    _inside(set(fold.views), gallery, f"fold {fold.name}: the product", "that has several views is not in the gallery")
    views = [view.id for source in fold.gallery for view in fold.views.get(source.id, ())]
    _unique([*sorted(gallery), *views], f"fold {fold.name}: candidates and views hold")
    queries = _unique([source.id for source in fold.queries], f"fold {fold.name}: two queries have one id:")
    if fold.order and (len(set(fold.order)) != len(fold.order) or {*queries, *fold.unavailable} != set(fold.order)):
        msg = f"fold {fold.name}: the order does not hold every query once"
        raise DataError(msg, remedy="list the ids of all queries, the unavailable ones among them")
    for query in (source.id for source in fold.queries):
        of = f"of query {query!r}"
        positives = _unique(list(fold.positives.get(query, ())), f"fold {fold.name}: the positives {of} hold")
        _inside(positives, gallery, f"fold {fold.name}: the positive", f"{of} is not in the gallery")
        excluded = sorted(positives & set(fold.exclude.get(query, ())))
        if excluded:
            msg = f"fold {fold.name}: the positive {excluded[0]!r} {of} is also excluded"
            raise DataError(
                msg, remedy="what is no candidate, such as the reference, cannot be the answer: mend the entry"
            )
        _inside(set(fold.grades.get(query, ())), positives, f"fold {fold.name}: the graded", f"{of} is no positive")
        if fold.candidates is None:
            continue
        if query not in fold.candidates:
            raise DataError(f"fold {fold.name}: there is no list of candidates {of}", remedy="give it one, or drop it")
        listed = _unique(fold.candidates[query], f"fold {fold.name}: the candidates {of} hold")
        _inside(listed, gallery, f"fold {fold.name}: the candidate", f"{of} is not in the gallery")
        _inside(positives, listed, f"fold {fold.name}: the positive", f"{of} is not among its candidates")


def _unique(names: Sequence[str], what: str) -> set[str]:
    """Return the names as a set.

    :raises DataError: where one of them stands twice, naming the first.
    """
    unique = set(names)
    if len(unique) != len(names):
        twice, seen = "", set[str]()
        for name in names:
            if name in seen:
                twice = name
                break
            seen.add(name)
        raise DataError(f"{what} {twice!r} twice", remedy="remove one of the two, or number them")
    return unique


def _inside(names: set[str], whole: set[str], what: str, where: str) -> None:
    stray = sorted(names - whole)
    if stray:
        remedy = "a query whose answers are missing counts as a miss: drop them from positives"
        raise DataError(f"{what} {stray[0]!r} {where}", remedy=remedy)
