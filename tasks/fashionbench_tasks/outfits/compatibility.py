"""Outfit compatibility: do the items of a set go together (Vasileva et al., ECCV 2018).

A set is scored by the cosine between item embeddings alone, averaged over its pairs, so that any image encoder can take
part; a model of compatibility would bring a similarity of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.ground_truth import Truth
from fashionbench.errors import DataError
from fashionbench.metrics.outfits.roc_auc import SCHEMA, scored_table
from fashionbench.predictions.base import Predictions
from fashionbench_tasks.outfits.embedding import OutfitTask, max_cosine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.runner.session import Session
    from fashionbench_tasks.outfits.embedding import Embeddings


class Compatibility(OutfitTask):
    """Tell outfits from sets of items that do not go together."""

    def _items_of_questions(self) -> list[tuple[str, ...]]:
        self.outfits = self.data.compatibility()
        return [outfit.items for outfit in self.outfits]

    def predict(self, session: Session) -> Predictions:
        """Score each set by the mean cosine over its pairs."""
        outfits = self.outfits[: session.limit] if session.limit else self.outfits
        matching = {name: frozenset(o.items) for o in outfits if o.compatible for name in o.items}
        queries, candidates = self.embed(session, Truth(positives=matching))
        scores = [compatibility_score(outfit.items, queries, candidates) for outfit in outfits]
        return Predictions(SCHEMA, scored_table([o.id for o in outfits], [o.compatible for o in outfits], scores))


def compatibility_score(items: Sequence[str], queries: Embeddings, candidates: Embeddings) -> float:
    """Return the mean cosine over the ordered pairs of a set.

    :raises DataError: where the set has fewer than two items.
    """
    if len(items) < 2:
        raise DataError("an outfit of one item has no pairs", remedy="drop it from the file")
    return float(np.mean([max_cosine(queries[a], candidates[b]) for a in items for b in items if a != b]))
