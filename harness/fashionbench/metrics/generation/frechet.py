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
from fashionbench.statistics.bootstrap import NoInterval
from fashionbench.statistics.jackknife import error_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fashionbench.metrics.generation.persons import Persons

    Matrix = NDArray[np.float64]

_FEWEST = 50  # persons on a side below which no error is estimated
_ROUNDING = 1e-9  # an error below this share of the variances is what rounding leaves
_MOST_BY_COUNT = 2 / 5  # of the distance; above it the error is too large
_SPLITS = 3


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


def standard_error(generated: NDArray[Any], real: NDArray[Any], persons: Persons) -> float | NoInterval:
    """Return the delta-method standard error of the distance between as many images as these.

    :returns: a :class:`NoInterval` where :func:`person_influences` gives one.
    """
    influences = person_influences(generated, real, persons)
    return influences if isinstance(influences, NoInterval) else error_of(influences)


def person_influences(generated: NDArray[Any], real: NDArray[Any], persons: Persons) -> Matrix | NoInterval:
    """Return by how much each person moves the distance, float64 [persons.count]; their sum is near 0.

    A person adds the influences of its images on both sides, so that what images of one person have in common counts
    once; a small real side counts with its own. The influence of a generated row x is 2 (m₁ − m₂)·(x − m₁) +
    (x − m₁)ᵀ (I − T) (x − m₁), with T the optimal transport map S₁^−½ (S₁^½ S₂ S₁^½)^½ S₁^−½, on the span of S₁
    (Rippl, Munk and Sturm, *Limit laws of the empirical Wasserstein distance*, 2016); so for the real side, with both
    exchanged. The naive bootstrap is not used: resamples repeat images, and its interval misses its estimate.

    :returns: a :class:`NoInterval` for few images, where no image has an influence, as between equal sets, and where
        more than two fifths of the distance come from the number of images: the influences then say little of how it
        varies, and the error is too large, by up to 1.4.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (generated, real)]
    few = min(int(np.unique(codes).size) for codes in (persons.made, persons.real))
    if few < _FEWEST:
        return NoInterval(f"{few} persons on a side are fewer than {_FEWEST}")
    moments = [Moments.of([side]) for side in sides]
    width = int(max(persons.made.max(), persons.real.max())) + 1
    parts = np.zeros(width)
    for at, codes in enumerate((persons.made, persons.real)):
        influence = _influence(sides[at], moments[at], moments[1 - at])
        parts += np.bincount(codes, weights=influence / len(influence), minlength=width)
    influences = parts[persons.present]
    if error_of(influences) <= _ROUNDING * sum(float(np.trace(one.covariance)) for one in moments):
        return NoInterval("the influence of images on the distance vanishes")
    distance, halved = frechet_of_features(*sides), _distance_of_halves(sides[0], sides[1], persons)
    # The part that comes from the number of images falls as one over it, so halving the images doubles it.
    share = (halved - distance) / distance
    if share > _MOST_BY_COUNT:
        return NoInterval(f"{share:.0%} of the distance comes from the number of images")
    return influences


def _influence(rows: Matrix, own: Moments, other: Moments) -> Matrix:
    values, vectors = linalg.eigh(own.covariance, check_finite=False)
    kept = values > values.max(initial=0.0) * len(values) * np.finfo(float).eps
    basis, scale = vectors[:, kept], np.sqrt(values[kept])
    inner = (basis * scale).T @ other.covariance @ (basis * scale)
    transport = symmetric_root(inner) / np.outer(scale, scale)
    centred = rows - own.mean
    inside = centred @ basis
    influence: Matrix = 2 * centred @ (own.mean - other.mean)
    influence += (centred**2).sum(axis=1) - ((inside @ transport) * inside).sum(axis=1)
    influence -= influence.mean()
    return influence


def _distance_of_halves(generated: Matrix, real: Matrix, persons: Persons) -> float:
    """Return the mean distance of halves of the persons, of both sides."""
    rng = np.random.default_rng(0)
    found: list[float] = []
    made, shown = np.unique(persons.made), np.unique(persons.real)
    for _ in range(_SPLITS):
        # Whoever stands on both sides is in the same half of each; sides that share nobody are halved on their own.
        shared = rng.permutation(np.intersect1d(made, shown))
        alone = [rng.permutation(np.setdiff1d(side, shared)) for side in (made, shown)]
        first = np.concatenate([names[: len(names) // 2] for names in (shared, *alone)])
        chosen = [np.isin(codes, first) for codes in (persons.made, persons.real)]
        halves = (chosen, [~one for one in chosen])
        found += [frechet_of_features(generated[one], real[two]) for one, two in halves]
    return float(np.mean(found))


def symmetric_root(matrix: Matrix) -> Matrix:
    """Return the square root of a symmetric matrix that has no negative eigenvalues but for rounding."""
    values, vectors = linalg.eigh(matrix, check_finite=False)
    root: Matrix = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def _distance(shift: Matrix, traces: float, cross: float) -> float:
    # Equal sets leave the rounding of large traces, which may fall below zero.
    return max(0.0, float(shift @ shift + traces - 2 * cross))
