"""Linear probes: how well an attribute can be read off a representation by a linear map (Alain and Bengio, 2017).

The map is a ridge regression onto one column a class, whose penalty is chosen by leave-one-out error on the items that
it is fitted on; it is tested on others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

#: Penalties to choose from, in units of the mean variance of a standardised column times the number of items.
PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
#: Columns that vary by less, in relation to the one that varies most, are left out: what they hold is rounding.
LEAST = 1e-7


class LinearProbe:
    """Classifiers of one set of rows; the decomposition of the rows is made once for all labels.

    :param rows: float [N, D], the representation.
    """

    def __init__(self, rows: Rows) -> None:
        spread = rows.std(axis=0)
        # Of rows that are all equal what varies is rounding, as large as their values allow.
        floor = LEAST * max(float(spread.max(initial=0.0)), 1e-6 * float(np.abs(rows).max(initial=0.0)), 1e-30)
        self._kept = spread > floor
        self._mean, self._spread = rows[:, self._kept].mean(axis=0), spread[self._kept]
        self._rows = self._scaled(rows)
        values, self._vectors = np.linalg.eigh(self._rows @ self._rows.T)
        self._shrunk = [1 / (np.maximum(values, 0.0) + penalty * len(rows)) for penalty in PENALTIES]
        self._diagonals = [(self._vectors**2) @ shrunk for shrunk in self._shrunk]

    def hits(self, labels: Sequence[str], test: Rows, test_labels: Sequence[str]) -> NDArray[np.float64]:
        """Fit on labels, and tell for each tested row whether its class is read off right, as 0 and 1."""
        said = self.predict(labels, test)
        return np.array([one == label for one, label in zip(said, test_labels, strict=True)], dtype=np.float64)

    def predict(self, labels: Sequence[str], rows: Rows) -> list[str]:
        """Fit on labels, and return the class of each row; the most frequent one where no column varies."""
        classes = sorted(set(labels))
        wanted = np.array([[label == one for one in classes] for label in labels], dtype=np.float64)
        shares = wanted.mean(axis=0)
        scores = self._scaled(rows) @ self._rows.T @ self._fitted(wanted - shares) + shares
        return [classes[at] for at in scores.argmax(axis=1)]

    def _scaled(self, rows: Rows) -> Rows:
        scaled: Rows = (rows[:, self._kept] - self._mean) / self._spread
        scaled /= np.sqrt(max(scaled.shape[1], 1))
        return scaled

    def _fitted(self, wanted: Rows) -> Rows:
        """Solve the regression in its dual form, with the penalty whose leave-one-out error is least."""
        turned = self._vectors.T @ wanted
        best, least = np.zeros_like(wanted), np.inf
        for shrunk, diagonal in zip(self._shrunk, self._diagonals, strict=True):
            weights = self._vectors @ (shrunk[:, None] * turned)
            # Of ridge regression the error without an item is its weight over the diagonal of the inverse.
            errors = weights / diagonal[:, None]
            error = float((errors**2).mean())
            if error < least:
                best, least = weights, error
        return best
