"""Image-text matching of a model as measurements: how well its pair scores tell matched from mismatched pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.items import PairItem, TextItem
from fashionbench.diagnostics.embeddings import embedded
from fashionbench.diagnostics.measurement import Estimate, Measurement, Reference, absent
from fashionbench.diagnostics.resampling import derangement, shuffled
from fashionbench.diagnostics.verdicts import against_references
from fashionbench.statistics.roc import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ImageItem
    from fashionbench.diagnostics.sample import SampledPair
    from fashionbench.diagnostics.system import Subject, System

#: At most so many pairs of a kind are scored: each is a pass through the whole encoder.
MOST = 128

_MEANING = "area under the ROC curve of pair scores: the chance that a matched pair scores above a mismatched one"
_KINDS = {
    "matching-auc": ("Matching, pairs drawn at random", "mismatched photos are drawn at random"),
    "matching-auc-hard": ("Matching, hard pairs", "mismatched photos are those of other products nearest to the text"),
}


def measure_matching(subject: Subject) -> list[Measurement]:
    """Measure the pair scores with negatives at random, and with hard ones where the model embeds too."""
    task = next((one for one in subject.sample.tasks if len(one.held) > 2), None)
    why = subject.model.lacking("score-pairs")
    if not why and task is None:
        why = "fewer than three held-out products have a photo and a text"
    if why or task is None:
        return [absent(id_, "matching", title, f"{_MEANING}; {what}", why) for id_, (title, what) in _KINDS.items()]
    pairs = task.held[:MOST]
    photos = [pair.open() for pair in pairs]
    positive = _scores(subject.model, pairs, photos, np.arange(len(pairs)))
    untrained = subject.untrained
    of_untrained = None if untrained is None else _scores(untrained, pairs, photos, np.arange(len(pairs)))
    made = []
    for id_, (title, what) in _KINDS.items():
        order, lacking = _negatives(id_, subject, pairs)
        if order is None:
            made.append(absent(id_, "matching", title, f"{_MEANING}; {what}", lacking))
            continue
        negative = _scores(subject.model, pairs, photos, order)
        estimate = _area(positive, negative)
        both = np.concatenate([positive, negative])

        def mixed(rng: np.random.Generator, both: NDArray[np.float64] = both) -> float:
            drawn = rng.permutation(both)
            return area_under_curve(drawn[: len(pairs)], drawn[len(pairs) :])[0]

        chance = Reference("which pairs are matched", shuffled(mixed, len(pairs), subject.seed))
        beside = Reference(subject.untrained_is)
        if untrained is not None and of_untrained is not None:
            beside = Reference(subject.untrained_is, _area(of_untrained, _scores(untrained, pairs, photos, order)))
        verdict = against_references(
            estimate,
            chance,
            beside,
            higher=True,
            fault="matching at chance",
            failed="pair scores do not tell matched from mismatched pairs",
        )
        made.append(
            Measurement(
                id=id_,
                group="matching",
                title=title,
                meaning=f"{_MEANING}; {what}",
                estimate=estimate,
                shuffled=chance,
                untrained=beside,
                verdict=verdict,
            )
        )
    return made


def _negatives(kind: str, subject: Subject, pairs: Sequence[SampledPair]) -> tuple[NDArray[np.int64] | None, str]:
    if kind == "matching-auc":
        return derangement(len(pairs), np.random.default_rng(subject.seed)), ""
    why = subject.model.lacking("encode-image", "encode-text")
    if why:
        return None, f"{why}, so that nobody says which photos are near"
    scores = embedded(subject.model, pairs).scores
    np.fill_diagonal(scores, -np.inf)
    return scores.argmax(axis=1), ""


def _scores(
    system: System, pairs: Sequence[SampledPair], photos: Sequence[ImageItem], order: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Score each text with a photo."""
    asked = [
        PairItem(f"{pair.id} with {photos[at].id}", TextItem(pair.id, pair.text), photos[at])
        for pair, at in zip(pairs, order, strict=True)
    ]
    return system.score(asked)


def _area(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> Estimate:
    return Estimate.of(*area_under_curve(positive, negative), len(positive))
