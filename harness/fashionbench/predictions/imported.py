"""Predictions that were made elsewhere, as they were read from files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RankedList:
    """Candidates of one query, best first.

    :param scores: one a candidate, never rising; candidates of equal score are tied. Empty where there is an order
        alone, which has no ties.
    """

    ids: Sequence[str]
    scores: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What files held. Lists of one text each may be rankings or captions, and are both; the task decides.

    :param paths: the files, or one folder.
    :param sha256: of their content.
    :param rankings: the list of each query.
    :param subset_rankings: the same within the subsets of CIRR, from the second file of its server.
    :param rank_disagreements: for each query of a TREC run whose ranks contradict its scores, two such candidates.
    :param captions: the caption of each image.
    :param vectors: embeddings by role and id.
    :param hits: bool [queries, K]: whether the candidate at that rank is right.
    :param images: files by item id.
    """

    paths: tuple[Path, ...]
    sha256: str
    rankings: Mapping[str, RankedList] = field(default_factory=dict)
    subset_rankings: Mapping[str, RankedList] = field(default_factory=dict)
    rank_disagreements: Mapping[str, str] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    vectors: Mapping[tuple[str, str], NDArray[np.float32]] = field(default_factory=dict)
    hits: NDArray[np.bool_] | None = None
    images: Mapping[str, Path] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The files, for a message."""
        return ", ".join(map(str, self.paths))

    @property
    def facts(self) -> dict[str, str]:
        """What a record says of the files, for it decides numbers and is no fault."""
        if not self.rank_disagreements:
            return {}
        query, told = next(iter(self.rank_disagreements.items()))
        of = f"{len(self.rank_disagreements)} of {len(self.rankings)}"
        told = f"{of}, ordered by the scores, as trec_eval does; the first is {query!r}: {told}"
        return {"queries whose ranks contradict their scores": told}

    @property
    def ranked(self) -> bool:
        """Whether the files hold an order of candidates instead of answers."""
        return bool(self.rankings or self.subset_rankings) or self.hits is not None


def joined(files: Sequence[Imported]) -> Imported:
    """Join files that answer one task together, such as CIRR's two server files, or one file a category.

    Hit lists are joined in the order of the files.

    :raises DataError: where an id is answered twice.
    """
    if len(files) == 1:
        return files[0]
    parts: dict[str, Any] = {}
    for name in (f.name for f in fields(Imported) if f.name not in {"paths", "sha256", "hits"}):
        merged: dict[Any, Any] = {}
        for one in files:
            answers = getattr(one, name)
            twice = merged.keys() & answers.keys()
            if twice:
                key = min(twice)
                msg = f"{one.name} answers {'the ' + ' '.join(key) if isinstance(key, tuple) else repr(key)} again"
                raise DataError(msg, remedy="each id is answered by one of the files")
            merged |= answers
        parts[name] = merged
    hits = [one.hits for one in files if one.hits is not None]
    state = hashlib.sha256("".join(one.sha256 for one in files).encode())
    paths = tuple(path for one in files for path in one.paths)
    kinds = [bool(one.hits is not None) for one in files]
    if any(kinds) and not all(kinds):
        msg = f"{', '.join(map(str, paths))}: hit lists go together with hit lists alone"
        raise DataError(msg, remedy="give all rankings as ids, or all as hits")
    return Imported(paths, state.hexdigest(), hits=_stacked(hits, paths) if hits else None, **parts)


def _stacked(hits: Sequence[NDArray[np.bool_]], paths: Sequence[Path]) -> NDArray[np.bool_]:
    import numpy as np  # noqa: PLC0415

    widths = sorted({one.shape[1] for one in hits})
    if len(widths) > 1:
        msg = f"the hit lists {', '.join(map(str, paths))} have {', '.join(map(str, widths))} columns"
        raise DataError(msg, remedy="write all to one depth: a shorter one would be taken for misses")
    return np.concatenate(list(hits))
