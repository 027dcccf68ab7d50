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
    """A classifier of rows, fitted once.

    :param rows: float [N, D], the representation.
    :param labels: the class of each.
    """

    def __init__(self, rows: Rows, labels: Sequence[str]) -> None:
        self.classes = sorted(set(labels))
        spread = rows.std(axis=0)
        self._kept = spread > LEAST * max(float(spread.max(initial=0.0)), LEAST)
        self._mean, self._spread = rows[:, self._kept].mean(axis=0), spread[self._kept]
        wanted = np.array([[label == one for one in self.classes] for label in labels], dtype=np.float64)
        self._shares = wanted.mean(axis=0)
        self._rows = self._scaled(rows)
        self._weights = self._fitted(wanted - self._shares)

    def predict(self, rows: Rows) -> list[str]:
        """Return the class of each row; the most frequent one where no column varies."""
        scores = self._scaled(rows) @ self._rows.T @ self._weights + self._shares
        return [self.classes[at] for at in scores.argmax(axis=1)]

    def _scaled(self, rows: Rows) -> Rows:
        scaled: Rows = (rows[:, self._kept] - self._mean) / self._spread
        scaled /= np.sqrt(max(scaled.shape[1], 1))
        return scaled

    def _fitted(self, wanted: Rows) -> Rows:
        """Solve the regression in its dual form, with the penalty whose leave-one-out error is least."""
        values, vectors = np.linalg.eigh(self._rows @ self._rows.T)
        values = np.maximum(values, 0.0)
        turned = vectors.T @ wanted
        best, least = np.zeros_like(wanted), np.inf
        for penalty in PENALTIES:
            shrunk = 1 / (values + penalty * len(wanted))
            weights = vectors @ (shrunk[:, None] * turned)
            # Of ridge regression the error without an item is its weight over the diagonal of the inverse.
            errors = weights / ((vectors**2) @ shrunk)[:, None]
            error = float((errors**2).mean())
            if error < least:
                best, least = weights, error
        return best


def probe_hits(fit: Rows, fit_labels: Sequence[str], test: Rows, test_labels: Sequence[str]) -> NDArray[np.float64]:
    """Tell for each tested row whether its class is read off right, as 0 and 1."""
    said = LinearProbe(fit, fit_labels).predict(test)
    return np.array([one == label for one, label in zip(said, test_labels, strict=True)], dtype=np.float64)
