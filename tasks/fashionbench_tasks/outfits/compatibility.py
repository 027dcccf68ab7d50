"""Outfit compatibility: do the items of a set go together (Vasileva et al., ECCV 2018).

A set is scored by the cosine between item embeddings alone, averaged over its pairs, so that any image encoder can take
part; a model of compatibility would bring a similarity of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import DataError
from fashionbench.metrics.outfits.roc_auc import SCHEMA, scored_table
from fashionbench.predictions.base import Predictions
from fashionbench_tasks.datasets.polyvore import repetitions
from fashionbench_tasks.outfits.embedding import Asked, OutfitTask, max_cosine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.runner.session import Session
    from fashionbench_tasks.outfits.embedding import Embeddings

_BEYOND = 2.0  # no cosine is that far from 0


class Compatibility(OutfitTask):
    """Tell outfits from sets of items that do not go together."""

    def _items_of_questions(self) -> list[tuple[str, ...]]:
        self.outfits = self.data.compatibility()
        return [outfit.items for outfit in self.outfits]

    def _facts(self) -> dict[str, str]:
        return repetitions(self.outfits)

    def _given(self) -> dict[str, tuple[str, ...]]:
        return {outfit.id: outfit.items for outfit in self.outfits}

    def predict(self, session: Session) -> Predictions:
        """Score each set by the mean cosine over its pairs; one without a photo is on the wrong side of all others."""
        outfits = self.outfits[: session.limit] if session.limit else self.outfits
        asked = [
            Asked(o.id, o.items, dict.fromkeys(o.items if o.compatible else (), frozenset(o.items))) for o in outfits
        ]
        scores = [
            compatibility_score(outfit.items, *sides) if sides[0] else (-_BEYOND if outfit.compatible else _BEYOND)
            for outfit, sides in zip(outfits, self.embed(session, asked), strict=True)
        ]
        return Predictions(SCHEMA, scored_table([o.id for o in outfits], [o.compatible for o in outfits], scores))


def compatibility_score(items: Sequence[str], queries: Embeddings, candidates: Embeddings) -> float:
    """Return the mean cosine over the ordered pairs of a set.

    :raises DataError: where the set has fewer than two items.
    """
    if len(set(items)) < 2:
        raise DataError("an outfit of one item has no pairs", remedy="drop it from the file")
    return float(np.mean([max_cosine(queries[a], candidates[b]) for a in items for b in items if a != b]))
