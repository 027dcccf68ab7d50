"""Score every item of a gallery for every outfit: the mean, over the items of an outfit, of the cosine with it.

Of items of several vectors the cosine is the maximum over all pairs of them. The gallery is read block by block, so
that it may be a memory map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: How many candidates are scored at a time.
_BLOCK = 512


class CompletionScores:
    """The scores of a gallery for outfits.

    :param given: vectors of the items of outfits, float [N, D] or [N, Q, D].
    :param gallery: vectors of candidates, float [M, D] or [M, Q, D].
    :param rows: which candidates are the gallery, in its order.
    """

    def __init__(self, given: NDArray[Any], gallery: NDArray[Any], rows: Sequence[int]) -> None:
        self._given, self._gallery, self._rows = given, gallery, np.asarray(rows, dtype=np.int64)

    def of(self, outfits: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Score the gallery for each outfit, float32 [outfits, gallery].

        :param outfits: the rows of the items of each; an item that stands twice counts twice.
        """
        used = sorted({row for outfit in outfits for row in outfit})
        place = {row: at for at, row in enumerate(used)}
        entries = [(number, place[row], 1.0 / len(outfit)) for number, outfit in enumerate(outfits) for row in outfit]
        numbers, columns, weights = zip(*entries, strict=True)
        mean = sparse.csr_matrix((weights, (numbers, columns)), shape=(len(outfits), len(used)))
        asked = _unit(self._given[used])
        out = np.empty((len(outfits), len(self._rows)), dtype=np.float32)
        for start in range(0, len(self._rows), _BLOCK):
            block = _unit(self._gallery[self._rows[start : start + _BLOCK]])
            out[:, start : start + _BLOCK] = mean @ greatest_cosines(asked, block)
        return out


def greatest_cosines(one: Floats, two: Floats) -> Floats:
    """Return the greatest product over all pairs of vectors of two items: [Q, N, D] and [Q', M, D] to [N, M]."""
    best: Floats = one[0] @ two[0].T
    for i, j in list(np.ndindex(len(one), len(two)))[1:]:
        np.maximum(best, one[i] @ two[j].T, out=best)
    return best


def _unit(vectors: NDArray[Any]) -> Floats:
    """Turn items [N, D] or [N, Q, D] into unit vectors [Q, N, D]; a vector of zeros stays one."""
    taken = vectors.astype(np.float64).reshape(len(vectors), -1, vectors.shape[-1])
    taken /= np.maximum(np.linalg.norm(taken, axis=-1, keepdims=True), 1e-30)
    return np.ascontiguousarray(taken.transpose(1, 0, 2))
