"""Tests of all pairs of several systems on the same items, adjusted for being many: step-down max-T by sign flips.

If no two systems differ, the sign of each cluster's differences is a coin toss, the same toss for all pairs. The
largest studentised difference over the pairs has a distribution under these tosses that knows how strongly systems are
correlated, so it rejects more than Holm's procedure does, and no p-value is raised by the number of pairs.

Source: P. H. Westfall and S. S. Young, *Resampling-Based Multiple Testing*, 1993, algorithm 4.1; J. P. Romano and
M. Wolf, "Exact and approximate stepdown methods for multiple hypothesis testing", JASA 2005. Rank sets: M. Mogstad,
J. P. Romano, A. M. Shaikh and D. Wilhelm, "Inference for ranks", Review of Economic Studies 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import check_values, stratum_codes, unit_codes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average

    FloatArray = NDArray[np.float64]

_CELLS = 2**21  # float64 held at a time
_TOGETHER = 2**14  # tosses that are compared at a time: many for each call, and few enough for the cache
_NEAR = 1e-5  # of a studentised difference: what float32 may have lost of it
_EXACT = 2**15  # up to so many sign patterns are all looked at
#: The chance of finding a difference that is as large as the one that is called detectable.
POWER = 0.8


@dataclass(frozen=True, slots=True)
class PairwiseTests:
    """All pairs of m systems.

    :param means: float [m], the average of each system.
    :param differences: float [m, m], the average of the row's system minus that of the column's.
    :param p_values: float [m, m], two-sided and adjusted over all pairs; 1 on the diagonal.
    :param detectable: the difference that a pair of systems must have to be told apart with probability 0.8 at the 5 %
        level of the whole family, for a pair whose standard error is the median one; None where no pair differs.
    :param method: the test, in words for a board.
    """

    means: FloatArray
    differences: FloatArray
    p_values: FloatArray
    detectable: float | None
    method: str

    def better(self, alpha: float = 0.05, *, higher_is_better: bool = True) -> NDArray[np.bool_]:
        """Tell for each pair whether the row's system is better than the column's, bool [m, m]."""
        ahead = self.differences > 0 if higher_is_better else self.differences < 0
        below: NDArray[np.bool_] = self.p_values <= alpha
        return ahead & below

    def rank_sets(self, alpha: float = 0.05, *, higher_is_better: bool = True) -> list[tuple[int, int]]:
        """Return the ranks that each system may have: 1 + those that are better, to m - those that are worse."""
        better = self.better(alpha, higher_is_better=higher_is_better)
        above, below = better.sum(axis=0), better.sum(axis=1)
        return [(1 + int(more), len(better) - int(less)) for more, less in zip(above, below, strict=True)]

    def tied_with_best(self, alpha: float = 0.05, *, higher_is_better: bool = True) -> NDArray[np.bool_]:
        """Tell which systems cannot be told from the one with the best average, itself among them, bool [m]."""
        best = int(np.argmax(self.means if higher_is_better else -self.means))
        behind: NDArray[np.bool_] = self.better(alpha, higher_is_better=higher_is_better)[best]
        return ~behind

    def groups(self, alpha: float = 0.05, *, higher_is_better: bool = True) -> list[tuple[int, ...]]:
        """Return the largest groups of neighbours by average, best first, of which no two can be told apart.

        These are the bars of a critical-difference diagram; a system that can be told from both neighbours is in none.
        """
        order = np.argsort(-self.means if higher_is_better else self.means, kind="stable").tolist()
        apart = self.p_values <= alpha
        found: list[tuple[int, ...]] = []
        end = 0
        for start in range(len(order)):
            first = max(end, start + 1)
            last = first
            while last < len(order) and not apart[order[last], order[start:last]].any():
                last += 1
            if last - start > 1 and last > end:
                found.append(tuple(order[start:last]))
            end = max(end, last)
        return found


def pairwise_tests(
    values: FloatArray,
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    average: Average = "items",
    alpha: float = 0.05,
    replicates: int = 10_000,
    seed: int,
) -> PairwiseTests:
    """Test all pairs of systems.

    :param values: float [m, N], one value a system and item.
    :param clusters: the cluster of each item, whose signs are tossed together; None takes every item for itself.
    :param strata: the stratum of each item; used with ``average="strata"`` only.
    :param average: as in :func:`~fashionbench.statistics.bootstrap.bootstrap_interval`.
    :param alpha: the level of the family, for what is detectable.
    :param replicates: the least number of tosses; there are 20 a pair in any case, and all patterns of signs where
        these are fewer than 32,769.
    :param seed: of the generator (PCG64).
    :raises MetricError: where there are fewer than two systems, a value is not finite, or the lengths do not agree.
    """
    if values.ndim != 2 or len(values) < 2:
        raise MetricError(f"pairs need two systems or more, and the values have the shape {values.shape}")
    for row in values:
        check_values(row, "values of a system")
    labels = stratum_codes(strata, average, values.shape[1])
    sizes = np.bincount(labels)
    weighted = values.astype(np.float64) / (sizes[labels] * sizes.size)
    units = unit_codes(clusters, values.shape[1])
    sums = np.stack([np.bincount(units, weights=row) for row in weighted])
    means = sums.sum(axis=1)
    left, right = np.triu_indices(len(values), k=1)
    gaps = sums[left] - sums[right]
    # Sums of the same numbers in another order differ in their last bits.
    noise = 1e-12 * np.abs(sums).sum(axis=1).max()
    lengths = np.sqrt((gaps**2).sum(axis=1))
    differ = lengths > noise
    adjusted, critical, method = np.ones(left.size), 0.0, "no two systems differ"
    if differ.any():
        # What all systems share cancels in each difference, and would cost digits.
        centred = sums - sums.mean(axis=0)
        centred = centred[:, np.abs(centred).max(axis=0) > 0]
        tosses = SignTosses(centred.shape[1], max(replicates, 20 * left.size + 1), seed)
        pairs = (left[differ], right[differ], lengths[differ])
        adjusted[differ], critical = _step_down(centred, pairs, tosses, alpha)
        method = f"max-T step-down/{tosses.method}/{'item' if clusters is None else 'cluster'}"
    p_values = np.ones((len(values), len(values)))
    p_values[left, right] = p_values[right, left] = adjusted
    detectable = None
    if differ.any() and sums.shape[1] > 1:
        errors = np.sqrt(sums.shape[1] * gaps[differ].var(axis=1, ddof=1))
        detectable = float((critical + NormalDist().inv_cdf(POWER)) * np.median(errors))
    return PairwiseTests(means, means[:, None] - means[None, :], p_values, detectable, method)


class SignTosses:
    """Signs of clusters, drawn part by part; all patterns where there are few."""

    def __init__(self, count: int, replicates: int, seed: int) -> None:
        # A pattern and its opposite give the same sizes of differences, so one of the two is enough.
        self.exact = count <= 1 or 2 ** (count - 1) <= max(_EXACT, replicates)
        self.total = 2 ** max(count - 1, 0) if self.exact else replicates
        self.method = f"all {self.total} sign patterns" if self.exact else f"B={replicates}"
        self._count = count
        self._seed = seed

    def parts(self, width: int) -> Iterator[FloatArray]:
        """Yield float [n, count], 1 where a sign is turned and else 0, with n so small that n * width can be held."""
        step = max(_CELLS // max(width, self._count), 1)
        rng = np.random.Generator(np.random.PCG64(self._seed))
        for start in range(0, self.total, step):
            rows = min(step, self.total - start)
            if self.exact:
                patterns = np.arange(start, start + rows, dtype=np.int64)
                bits = ((patterns[:, None] >> np.arange(self._count)) & 1).astype(np.float64)
            else:
                drawn = rng.integers(0, 256, size=(rows, -(-self._count // 8)), dtype=np.uint8)
                bits = np.unpackbits(drawn, axis=1, count=self._count).astype(np.float64)
            yield bits


def _flipped(sums: FloatArray, tosses: SignTosses) -> Iterator[NDArray[np.float32]]:
    """Yield the sum of each system under many tosses at a time, float32 [m, n]."""
    totals = sums.sum(axis=1, keepdims=True)
    held: list[NDArray[np.float32]] = []
    for turned in tosses.parts(len(sums)):
        held.append((totals - 2 * (sums @ turned.T)).astype(np.float32))
        if sum(part.shape[1] for part in held) >= _TOGETHER:
            yield np.concatenate(held, axis=1)
            held = []
    if held:
        yield np.concatenate(held, axis=1)


def _step_down(
    sums: FloatArray,
    pairs: tuple[NDArray[np.intp], NDArray[np.intp], FloatArray],
    tosses: SignTosses,
    alpha: float,
) -> tuple[FloatArray, float]:
    """Return the adjusted p-value of each pair, and the size that the largest statistic exceeds with chance alpha."""
    left, right, lengths = pairs
    totals = sums.sum(axis=1)
    found = np.abs(totals[left] - totals[right]) / lengths
    order = np.argsort(-found, kind="stable")
    # Half the time in float32; a toss that comes so near to what was found counts as having reached it.
    bar = (found - _NEAR).astype(np.float32)
    scale = (1 / lengths).astype(np.float32)
    reached = np.zeros(len(order), dtype=np.int64)
    largest: list[FloatArray] = []
    for flipped in _flipped(sums, tosses):
        # From the smallest difference to the largest: the largest of a pair and of all whose difference is smaller.
        # One row of tosses at a time stays in the processor's cache, where a matrix of all pairs would not.
        maxima = np.zeros(flipped.shape[1], dtype=np.float32)
        sizes = np.empty_like(maxima)
        for pair in order[::-1].tolist():
            np.subtract(flipped[left[pair]], flipped[right[pair]], out=sizes)
            np.abs(sizes, out=sizes)
            np.multiply(sizes, scale[pair], out=sizes)
            np.maximum(maxima, sizes, out=maxima)
            reached[pair] += np.count_nonzero(maxima >= bar[pair])
        largest.append(maxima.astype(np.float64))
    # What was found is one of all patterns, or is counted beside those that were drawn.
    counted = reached / tosses.total if tosses.exact else (reached + 1) / (tosses.total + 1)
    p_values = np.empty(len(order))
    p_values[order] = np.maximum.accumulate(counted[order])
    return p_values, float(np.quantile(np.concatenate(largest), 1 - alpha))
