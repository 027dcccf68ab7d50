"""The control of popularity: candidates rank by how often they are a target in the training part."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import BackendError
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import ComposedItem, ImageItem
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs.capabilities import BackendContext, Role


class PopularTarget:
    """Ranks candidates by the number of training triplets whose target they are, whatever the query.

    All queries are one direction, and the cosine of a candidate with it is its number of triplets, as a share of the
    greatest. Candidates of no triplet tie at 0. Items are told apart by their ids, for a control may.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)
        self._shares: dict[str, float] | None = None

    def fit(self, training: TrainingData, seed: int) -> None:  # noqa: ARG002
        """Count the targets.

        :raises BackendError: where there are no triplets.
        """
        named = getattr(training.triplets, "names", None)
        targets = [triplet.target.id for triplet in training.triplets] if named is None else [row[2] for row in named]
        if not targets:
            msg = f"the training part of {training.fold!r} has no triplets"
            raise BackendError(msg, remedy="use a task whose training data has triplets")
        counts = Counter(targets)
        greatest = max(counts.values())
        self._shares = {name: count / greatest for name, count in counts.items()}

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:
        """Place each image, as [B, 2] of norm 1: candidates by their share, queries all alike.

        :raises BackendError: before ``fit``.
        """
        shares = self._learnt()
        cosines = np.array([1.0 if role == "query" else shares.get(item.id, 0.0) for item in items])
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.float32]:
        """Place each query where all are, as [B, 2].

        :raises BackendError: before ``fit``.
        """
        self._learnt()
        return np.tile(np.array([1.0, 0.0], dtype=np.float32), (len(items), 1))

    def _learnt(self) -> dict[str, float]:
        if self._shares is None:
            raise BackendError("control/popular-target was asked before it had learnt", remedy="call fit() first")
        return self._shares
