"""Candidates of each query of a fold: its gallery or its list, without what the protocol excludes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_tasks.retrieval.fold import Fold


class Candidates:
    """What the queries of a fold are ranked against, whether by embeddings or from a file.

    :param fold: a fold that :func:`~fashionbench_tasks.retrieval.fold.check_fold` has checked.
    """

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self.gallery = [source.id for source in fold.gallery]
        self.index = {name: at for at, name in enumerate(self.gallery)}

    def excluded(self, query: str) -> set[str]:
        """Return the items of the gallery that are no candidates of a query."""
        return {name for name in self._fold.exclude.get(query, ()) if name in self.index}

    def listed(self, query: str) -> list[str] | None:
        """Return the listed candidates of a query without the excluded ones; None where the gallery is ranked."""
        if self._fold.candidates is None:
            return None
        excluded = self.excluded(query)
        return [name for name in self._fold.candidates[query] if name in self.index and name not in excluded]

    def count(self, query: str) -> int:
        """Count the candidates of a query, its positives included; none for an unavailable query without a list."""
        if self._fold.candidates is not None and query not in self._fold.candidates:
            return 0
        listed = self.listed(query)
        return len(self.gallery) - len(self.excluded(query)) if listed is None else len(listed)

    def among(self, query: str, names: Sequence[str]) -> list[str]:
        """Keep those of some items of the gallery that are candidates of a query, in their order."""
        listed = self.listed(query)
        if listed is not None:
            allowed = set(listed)
            return [name for name in names if name in allowed]
        excluded = self.excluded(query)
        return [name for name in names if name not in excluded]
