"""Composed retrieval of a model as measurements: whether queries find their target, and read both of their sides."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.items import ComposedItem
from fashionbench.diagnostics.geometry import unit
from fashionbench.diagnostics.measurement import Measurement, Reference, absent
from fashionbench.diagnostics.resampling import averaged, derangement, shuffled
from fashionbench.diagnostics.verdicts import against_references

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.diagnostics.sample import SampledTriplet
    from fashionbench.diagnostics.system import Subject, System

    Values = NDArray[np.float64]
    Places = NDArray[np.int64]

#: At most so many queries: a gallery may cost a caption an image.
MOST = 96

_RANK = (
    "reciprocal rank of the target among the targets and references of all held-out queries, without the query's own"
)
_WAYS = {
    "composed-ranks": ("Composed queries: reciprocal rank of the target", _RANK),
    "composed-text": ("Composed queries: worth of the words", f"{_RANK}, less that with the words of another query"),
    "composed-reference": (
        "Composed queries: worth of the reference",
        f"{_RANK}, less that with the reference of another query",
    ),
}


def measure_composed(subject: Subject) -> list[Measurement]:
    """Measure composed queries whole, and with each side taken from another query."""
    triplets = subject.sample.triplets[:MOST]
    why = subject.model.lacking("encode-image", "encode-composed")
    if not why and len(triplets) < 3:
        why = "fewer than three composed queries were held out"
    if why:
        return [absent(id_, "retrieval", *described, why) for id_, described in _WAYS.items()]
    order = derangement(len(triplets), np.random.default_rng(subject.seed))
    own = _Ranked(subject.model, triplets, order)
    before = None if subject.untrained is None else _Ranked(subject.untrained, triplets, order)
    return [
        _made(subject, "composed-ranks", own.whole, None if before is None else before.whole, own),
        _made(subject, "composed-text", own.of_text, None if before is None else before.of_text, own),
        _made(subject, "composed-reference", own.of_reference, None if before is None else before.of_reference, own),
    ]


class _Ranked:
    """Reciprocal ranks of targets, with the right sides and with each of another query."""

    def __init__(self, system: System, triplets: Sequence[SampledTriplet], order: Places) -> None:
        images = {one.target.id: one.target for one in triplets} | {one.reference.id: one.reference for one in triplets}
        places = {name: at for at, name in enumerate(images)}
        gallery = unit(_wide(system.embed(list(images.values()), "candidate")))
        self._targets = np.array([places[one.target.id] for one in triplets])
        self._references = np.array([places[one.reference.id] for one in triplets])
        items = [ComposedItem(one.id, one.reference.open().image, one.text) for one in triplets]
        words = [replace(item, text=triplets[at].text) for item, at in zip(items, order, strict=True)]
        photos = [replace(item, image=items[at].image) for item, at in zip(items, order, strict=True)]
        # Another query's sides make another query: ids by which a backend might know them differ too.
        words = [replace(item, id=f"{item.id}/other words") for item in words]
        photos = [replace(item, id=f"{item.id}/other reference") for item in photos]
        scores = [self._scores(system, asked, gallery) for asked in (items, words, photos)]
        self.scores = scores[0]
        self.whole, worded, photographed = (self.ranks(rows, self._targets) for rows in scores)
        self.of_text, self.of_reference = self.whole - worded, self.whole - photographed

    def ranks(self, scores: Values, targets: Places) -> Values:
        """Return the reciprocal rank of each target; an equal score counts against it."""
        rows = np.arange(len(scores))
        right = scores[rows, targets][:, None]
        ranked = scores.copy()
        # Its own reference is nearest to nearly every query, and no answer, unless it is what is asked for.
        ranked[rows, self._references] = np.where(self._references == targets, ranked[rows, self._references], -np.inf)
        found: Values = 1.0 / np.maximum((ranked >= right).sum(axis=1), 1)
        return found

    def of_other_targets(self, order: Places) -> float:
        """Return the mean reciprocal rank of other queries' targets."""
        return float(self.ranks(self.scores, self._targets[order]).mean())

    @staticmethod
    def _scores(system: System, items: Sequence[ComposedItem], gallery: Values) -> Values:
        queries = unit(_wide(system.embed(list(items), "query")))
        best: Values = np.einsum("nqd,gkd->ngqk", queries, gallery).max(axis=(2, 3))
        return best


def _made(subject: Subject, id_: str, values: Values, before: Values | None, own: _Ranked) -> Measurement:
    count, whole = len(values), id_ == "composed-ranks"
    bounds = (0.0, 1.0) if whole else (-1.0, 1.0)

    def mixed(rng: np.random.Generator) -> float:
        if whole:
            return own.of_other_targets(derangement(count, rng))
        return float((values * np.where(rng.random(count) < 0.5, -1, 1)).mean())

    estimate = averaged(values, subject.seed, bounds=bounds)
    references = (
        Reference(
            "each query with another one's target" if whole else "which side is the query's own, for each query",
            shuffled(mixed, count, subject.seed),
        ),
        Reference(subject.untrained_is, None if before is None else averaged(before, subject.seed, bounds=bounds)),
    )
    fault, failed = _FAILURES[id_]
    return Measurement(
        id=id_,
        group="retrieval",
        title=_WAYS[id_][0],
        meaning=_WAYS[id_][1],
        estimate=estimate,
        shuffled=references[0],
        untrained=references[1],
        verdict=against_references(estimate, *references, higher=True, fault=fault, failed=failed),
    )


_FAILURES = {
    "composed-ranks": ("composed retrieval at chance", "composed queries do not find their targets"),
    "composed-text": ("composed queries ignore the words", "with another query's words they find as much"),
    "composed-reference": ("composed queries ignore the reference", "with another reference they find as much"),
}


def _wide(rows: NDArray[np.float32]) -> Values:
    wide = rows.astype(np.float64)
    return wide[:, None] if wide.ndim == 2 else wide
