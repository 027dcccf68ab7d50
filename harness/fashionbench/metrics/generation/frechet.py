"""The Fréchet distance between two sets of features, from streamed float64 moments, with its standard error.

d² = |m₁ − m₂|² + tr S₁ + tr S₂ − 2 tr (S₁ S₂)^½ (Dowson and Landau, 1982; Heusel et al., NeurIPS 2017). The last
trace is that of the square root of S₁^½ S₂ S₁^½, whose eigenvalues are real and not negative, so that no matrix
square root of a product is taken and nothing fails when there are fewer images than dimensions. Where both sides
are that small, it is the sum of the singular values of a thin product instead, which is hundreds of times faster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from scipy import linalg

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    Matrix = NDArray[np.float64]


@dataclass(slots=True)
class Moments:
    """Count, mean [D] and sum of squared deviations [D, D] of features, which can be added to.

    Batches are merged as in Chan, Golub and LeVeque (1979), which loses nothing when the mean is large.
    """

    count: int
    mean: Matrix
    scatter: Matrix

    @classmethod
    def of(cls, batches: Iterable[NDArray[Any]]) -> Self:
        """Go over batches [B, D] once.

        :raises MetricError: for no features, or features that are not finite.
        """
        total: Self | None = None
        for batch in batches:
            rows = np.atleast_2d(np.asarray(batch, dtype=np.float64))
            if not np.isfinite(rows).all():
                raise MetricError("features are not finite", remedy="look at the extractor and its precision")
            mean = rows.mean(axis=0)
            centred = rows - mean
            part = cls(len(rows), mean, centred.T @ centred)
            if total is None:
                total = part
            else:
                total.add(part)
        if total is None:
            raise MetricError("there are no features")
        return total

    def add(self, other: Moments) -> None:
        """Take in the moments of other rows."""
        count = self.count + other.count
        shift = other.mean - self.mean
        self.scatter += other.scatter + np.outer(shift, shift) * (self.count * other.count / count)
        self.mean = self.mean + shift * (other.count / count)
        self.count = count

    @property
    def covariance(self) -> Matrix:
        """The unbiased covariance [D, D].

        :raises MetricError: for a single row.
        """
        if self.count < 2:
            raise MetricError("a covariance needs two images")
        return self.scatter / (self.count - 1)


def frechet_distance(one: Moments, two: Moments) -> float:
    """Return the squared Fréchet distance of two Gaussians with these moments; never below zero.

    :raises MetricError: for different dimensions.
    """
    if one.mean.shape != two.mean.shape:
        raise MetricError(f"features of {one.mean.size} and {two.mean.size} dimensions cannot be compared")
    left, right = one.covariance, two.covariance
    root = symmetric_root(left)
    inner = linalg.eigvalsh(root @ right @ root, check_finite=False, driver="evr")
    cross = np.sqrt(np.clip(inner, 0, None)).sum()
    return _distance(one.mean - two.mean, np.trace(left) + np.trace(right), cross)


def frechet_of_features(one: NDArray[Any], two: NDArray[Any]) -> float:
    """Return the same from features [N, D], by the thin route where both sides have fewer rows than columns."""
    first, second = (np.asarray(side, dtype=np.float64) for side in (one, two))
    if max(len(first), len(second)) >= first.shape[1]:
        return frechet_distance(Moments.of([first]), Moments.of([second]))
    if min(len(first), len(second)) < 2:
        raise MetricError("a covariance needs two images")
    centred = [(side - side.mean(axis=0)) / np.sqrt(len(side) - 1) for side in (first, second)]
    cross = linalg.svdvals(centred[0] @ centred[1].T).sum()
    traces = sum(float((side**2).sum()) for side in centred)
    return _distance(first.mean(axis=0) - second.mean(axis=0), traces, cross)


def standard_error(generated: NDArray[Any], real: Moments) -> float:
    """Return the delta-method standard error of the distance over the generated side, the real side held fixed.

    The influence of a row x is 2 (m₁ − m₂)·(x − m₁) + (x − m₁)ᵀ (I − T) (x − m₁), with T the optimal transport
    map S₁^−½ (S₁^½ S₂ S₁^½)^½ S₁^−½, on the span of S₁ (Rippl, Munk and Sturm, *Limit laws of the empirical Wasserstein
    distance*, 2016). The naive bootstrap is not used: resamples repeat images, and its interval misses its estimate.
    """
    rows = np.asarray(generated, dtype=np.float64)
    moments = Moments.of([rows])
    values, vectors = linalg.eigh(moments.covariance, check_finite=False)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(float).eps
    basis, scale = vectors[:, kept], np.sqrt(values[kept])
    inner = (basis * scale).T @ real.covariance @ (basis * scale)
    transport = symmetric_root(inner) / np.outer(scale, scale)
    centred = rows - moments.mean
    inside = centred @ basis
    influence = 2 * centred @ (moments.mean - real.mean)
    influence += (centred**2).sum(axis=1) - ((inside @ transport) * inside).sum(axis=1)
    return float(influence.std(ddof=1) / np.sqrt(len(rows)))


def symmetric_root(matrix: Matrix) -> Matrix:
    """Return the square root of a symmetric matrix that has no negative eigenvalues but for rounding."""
    values, vectors = linalg.eigh(matrix, check_finite=False)
    root: Matrix = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def _distance(shift: Matrix, traces: float, cross: float) -> float:
    # Equal sets leave the rounding of large traces, which may fall below zero.
    return max(0.0, float(shift @ shift + traces - 2 * cross))
