"""Tests of several systems against one base on the same items, over training seeds and clusters: step-down max-T.

If a system does not differ from the base, the sign of each cluster's difference is a coin toss, the same toss for all
systems, and what its seeds add is a draw of Student's t with the degrees of freedom of its seeds, the same draw of the
base's seeds for all systems. The largest studentised difference over the systems then has a distribution that knows
that they share base and items. With one seed a system there is no draw, and the test is that of sign flips alone.

Draws of t with two degrees of freedom have tails so heavy that a system whose seeds differ would hide one whose seeds
do not. So with several seeds each difference counts by how seldom chance brings that system as far: Westfall and
Young's balance of unlike statistics (min-p).

Source: P. H. Westfall and S. S. Young, *Resampling-Based Multiple Testing*, 1993, algorithms 2.8 and 4.1; the sum of
draws of t is R. A. Fisher's answer to the Behrens-Fisher problem, 1935.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import MetricError
from fashionbench.statistics.bootstrap import stratum_codes, unit_codes
from fashionbench.statistics.pairwise import SignTosses
from fashionbench.statistics.seeds import SystemVariance, system_variance, variance_over_clusters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fashionbench.statistics.bootstrap import Average

    FloatArray = NDArray[np.float64]

#: With fewer clusters that differ, tosses take so few values that they do not show the tail of a sum with seeds.
LEAST_CLUSTERS = 15


@dataclass(frozen=True, slots=True)
class BaseTests:
    """Several systems against one base.

    :param p_values: float [m], two-sided and adjusted over all systems; 1 where a system does not differ at all.
    :param method: the test, in words.
    """

    p_values: FloatArray
    method: str


@dataclass(frozen=True, slots=True)
class _Family:
    """What is drawn from: the systems that differ from the base.

    :param gaps: float [m, C], of each cluster's sums, base minus system.
    :param base: standard deviation of the base's average through its seeds, and the degrees of freedom.
    :param seeds: float [m] and int [m], the same of the systems.
    """

    gaps: FloatArray
    base: tuple[float, int]
    seeds: tuple[FloatArray, NDArray[np.int64]]


def base_tests(
    base: FloatArray,
    systems: Sequence[FloatArray],
    *,
    clusters: Sequence[str] | None,
    strata: Sequence[str] | None = None,
    average: Average = "items",
    replicates: int = 10_000,
    seed: int,
) -> BaseTests | None:
    """Test every system against the base, with one set of tosses and draws for all.

    :param base: float [S, N], one value a training seed and item.
    :param systems: float [T, N] each, of the same items in the same order; the seeds need not be as many.
    :param clusters: the cluster of each item, whose signs are tossed together; None takes every item for itself.
    :param strata: the stratum of each item; used with ``average="strata"`` only.
    :param seed: of the generators (PCG64).
    :returns: None where some system has several seeds and there are fewer than :data:`LEAST_CLUSTERS` clusters that
        differ: then adjust after Holm.
    :raises MetricError: where there is no system, a value is not finite, or the lengths do not agree.
    """
    if not systems or any(values.shape[1:] != base.shape[1:] for values in systems):
        raise MetricError("a base is tested against one system or more on the same items")
    varying = [system_variance(values, clusters, strata, average) for values in (base, *systems)]
    sums = np.stack([_sums(values, clusters, strata, average) for values in (base, *systems)])
    gaps = sums[0] - sums[1:]
    noise = 1e-12 * np.abs(sums).sum(axis=1).max()
    differ = np.abs(gaps).max(axis=1) > noise
    p_values = np.ones(len(systems))
    if not differ.any():
        return BaseTests(p_values, "no system differs from the base")
    chosen = [varying[1 + at] for at in np.flatnonzero(differ).tolist()]
    seeded = any(one.freedom for one in (varying[0], *chosen))
    gaps = gaps[differ]
    gaps = gaps[:, np.abs(gaps).max(axis=0) > 0]
    if seeded and gaps.shape[1] < LEAST_CLUSTERS:
        return None
    family = _Family(
        gaps=gaps * _shares(varying[0], chosen)[:, None] if seeded else gaps,
        base=(varying[0].seeds ** 0.5, varying[0].freedom),
        seeds=(np.sqrt([one.seeds for one in chosen]), np.array([one.freedom for one in chosen])),
    )
    tosses = SignTosses(gaps.shape[1], replicates, seed)
    drawn = np.abs(np.concatenate(list(_draws(family, tosses, seed)), axis=1))
    found = np.abs(gaps.sum(axis=1))
    if seeded:
        found, drawn = _balanced(found, drawn)
    else:
        scale = np.sqrt((gaps**2).sum(axis=1))
        found, drawn = found / scale, drawn / scale[:, None]
    p_values[differ] = _step_down(found, drawn, exact=tosses.exact and not seeded)
    kind = "item" if clusters is None else "cluster"
    return BaseTests(p_values, f"max-T step-down/{tosses.method}/{kind}{' and seed, balanced' if seeded else ''}")


def _sums(
    values: FloatArray, clusters: Sequence[str] | None, strata: Sequence[str] | None, average: Average
) -> FloatArray:
    """Sum the mean over seeds by cluster, float [C], so that the sum over clusters is the average."""
    labels = stratum_codes(strata, average, values.shape[1])
    sizes = np.bincount(labels)
    weighted = values.astype(np.float64).mean(axis=0) / (sizes[labels] * sizes.size)
    sums: FloatArray = np.bincount(unit_codes(clusters, values.shape[1]), weights=weighted).astype(np.float64)
    return sums


def _shares(base: SystemVariance, systems: Sequence[SystemVariance]) -> FloatArray:
    """Return the share of each difference over clusters that more seeds would leave, as a standard deviation."""
    shares: list[float] = []
    for system in systems:
        apart = base.sums - system.sums
        whole = variance_over_clusters(apart, ())
        shares.append((variance_over_clusters(apart, (base, system)) / whole) ** 0.5 if whole else 1.0)
    return np.array(shares)


def _draws(family: _Family, tosses: SignTosses, seed: int) -> Iterator[FloatArray]:
    """Yield differences as chance makes them, float [m, n]."""
    rng = np.random.Generator(np.random.PCG64([seed, 1]))
    totals = family.gaps.sum(axis=1, keepdims=True)
    (of_base, freedom), (spread, freedoms) = family.base, family.seeds
    for turned in tosses.parts(len(family.gaps)):
        drawn = totals - 2 * (family.gaps @ turned.T)
        count = len(turned)
        if freedom:
            drawn += of_base * rng.standard_t(freedom, count)
        for row in np.flatnonzero(freedoms).tolist():
            drawn[row] += spread[row] * rng.standard_t(freedoms[row], count)
        yield drawn


def _balanced(found: FloatArray, drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return minus the share of draws of the same system that are as large, of what was found and of each draw."""
    total = drawn.shape[1]
    known = np.sort(drawn, axis=1)
    shares = np.empty_like(drawn)
    of_found = np.empty_like(found)
    for row, values in enumerate(known):
        # Sums of the same numbers in another order differ in their last bits.
        near = 1e-9 * values[-1]
        shares[row] = (total - np.searchsorted(values, drawn[row] - near)) / total
        of_found[row] = (total - np.searchsorted(values, found[row] - near) + 1) / (total + 1)
    return -of_found, -shares


def _step_down(found: FloatArray, drawn: FloatArray, *, exact: bool) -> FloatArray:
    """Return adjusted p-values: the share of draws whose largest, of a system and all behind it, is as large."""
    order = np.argsort(found, kind="stable")
    maxima = np.maximum.accumulate(drawn[order], axis=0)
    reached = (maxima >= found[order, None] - 1e-9).sum(axis=1)
    counted = reached / drawn.shape[1] if exact else (reached + 1) / (drawn.shape[1] + 1)
    p_values = np.empty(len(found))
    p_values[order[::-1]] = np.maximum.accumulate(counted[::-1])
    return p_values
