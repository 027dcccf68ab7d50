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


def _no_slices() -> Mapping[str, Sequence[str]]:
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
    :param further: for each query id, the names of further slices that it is reported under.
    :param unavailable: ids of queries whose files are missing or unreadable; they count as misses.
    """

    name: str
    queries: Sequence[Source]
    gallery: Sequence[Source]
    positives: Mapping[str, Collection[str]]
    exclude: Mapping[str, Collection[str]] = field(default_factory=_no_ids)
    candidates: Mapping[str, Sequence[str]] | None = None
    clusters: Mapping[str, str] = field(default_factory=_no_clusters)
    further: Mapping[str, Sequence[str]] = field(default_factory=_no_slices)
    training: TrainingData | None = None
    unavailable: tuple[str, ...] = ()

    def among(self, name: str, candidates: Mapping[str, Sequence[str]]) -> Fold:
        """Return this fold with a list of candidates for each query, under another name."""
        return replace(self, name=name, candidates=candidates)


def check_fold(fold: Fold) -> None:
    """Check that ids are unique on each side, and that every positive is in the gallery.

    :raises DataError: naming the first id for which that does not hold.
    """
    names = [source.id for source in fold.gallery]
    gallery = set(names)
    if len(gallery) != len(names):
        double = next(name for i, name in enumerate(names) if name in names[:i])
        raise DataError(f"fold {fold.name}: the gallery holds {double!r} twice", remedy="remove one of the two")
    queries = [source.id for source in fold.queries]
    if len(set(queries)) != len(queries):
        raise DataError(f"fold {fold.name}: two queries have one id", remedy="number them")
    for query in queries:
        stray = sorted(set(fold.positives.get(query, ())) - gallery)
        if stray:
            msg = f"fold {fold.name}: the positive {stray[0]!r} of query {query!r} is not in the gallery"
            raise DataError(msg, remedy="a query whose answers are missing counts as a miss: drop them from positives")
