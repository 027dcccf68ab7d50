"""Candidates that are products of several photos: the score of a product is the greatest over its photos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench.data.lazy_items import Source
    from fashionbench_tasks.retrieval.fold import Fold


def embedded(fold: Fold) -> list[Source]:
    """List what is embedded of a gallery: its candidates, and then the further views of each."""
    return [*fold.gallery, *(view for source in fold.gallery for view in fold.views.get(source.id, ()))]


def by_product(vectors: NDArray[Any], fold: Fold) -> NDArray[Any]:
    """Gather the vectors of each candidate and its views, as one item of several vectors, which score their maximum.

    Candidates of fewer views than others have their own image several times, which changes no maximum.

    :param vectors: [N, D] or [N, Q, D], in the order of :func:`embedded`.
    :returns: [candidates, most views * Q, D]; what was given, where no candidate has further views.
    """
    import numpy as np  # noqa: PLC0415

    if not fold.views:
        return vectors
    counts = [len(fold.views.get(source.id, ())) for source in fold.gallery]
    table = np.repeat(np.arange(len(counts))[:, None], 1 + max(counts), axis=1)
    at = len(counts)
    for row, count in enumerate(counts):
        table[row, 1 : 1 + count] = np.arange(at, at + count)
        at += count
    gathered: NDArray[Any] = vectors[table].reshape(len(counts), -1, vectors.shape[-1])
    return gathered
