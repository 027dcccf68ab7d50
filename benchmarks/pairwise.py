"""Error and coverage of the statistics that a board prints, by simulation, and their time and memory.

Family-wise error: no two systems differ, so whoever names a pair errs. Rank sets: the true ranks of all systems must lie
in their sets. Seeds and clusters: how often the interval holds the true value, beside resampling of seeds and clusters.

    python benchmarks/pairwise.py            some minutes
    python benchmarks/pairwise.py --quick    to see that it runs
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import argparse
import resource
import sys
import time

import numpy as np

from fashionbench.statistics.bootstrap import Interval
from fashionbench.statistics.paired import holm, paired_randomisation
from fashionbench.statistics.pairwise import pairwise_tests
from fashionbench.statistics.seeds import seed_interval

LIMIT_S, LIMIT_MB = 10, 500


def correlated(rng: np.random.Generator, rates: np.ndarray, items: int, size: int) -> tuple[np.ndarray, list[str]]:
    """Draw hits of systems on items in clusters of a size; clusters and items are hard or easy for all systems alike."""
    groups = items // size
    hard = np.repeat(rng.normal(0, 0.5, groups), size) + rng.normal(0, 0.7, items)
    own = rng.normal(0, 1, (len(rates), items)) + np.repeat(rng.normal(0, 0.4, (len(rates), groups)), size, axis=1)
    scores = hard + own
    limits = np.array([np.sqrt(0.5**2 + 0.7**2 + 1 + 0.4**2) * _quantile(rate) for rate in rates])
    return (scores < limits[:, None]).astype(float), [str(at // size) for at in range(groups * size)]


def _quantile(rate: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf(rate)


def family(trials: int) -> None:
    print(
        "| systems | items | clusters of | error, max-T | error, Holm of paired tests | all ranks inside, 8 of 4 levels |"
    )
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    rng = np.random.default_rng(0)
    for systems, items, size in ((3, 150, 3), (8, 150, 3), (8, 600, 3), (20, 600, 1)):
        named = by_holm = inside = 0
        for trial in range(trials):
            values, clusters = correlated(rng, np.full(systems, 0.3), items, size)
            named += pairwise_tests(values, clusters=clusters, replicates=400, seed=trial).p_values.min() <= 0.05
            if systems == 3:
                pairs = [(0, 1), (0, 2), (1, 2)]
                alone = [
                    paired_randomisation(
                        values[a], values[b], clusters=clusters, strata=None, replicates=400, seed=trial
                    ).p_value
                    for a, b in pairs
                ]
                by_holm += holm(alone).min() <= 0.05
            levels = np.repeat([0.25, 0.3, 0.35, 0.4], 2)
            values, clusters = correlated(rng, levels, items, size)
            sets = pairwise_tests(values, clusters=clusters, replicates=400, seed=trial).rank_sets()
            # Equal systems share their ranks: 7 and 8, 5 and 6, ...
            inside += all(low <= 8 - 2 * (at // 2) and high >= 7 - 2 * (at // 2) for at, (low, high) in enumerate(sets))
        holm_text = f"{by_holm / trials:.3f}" if systems == 3 else ""
        print(f"| {systems} | {items} | {size} | {named / trials:.3f} | {holm_text} | {inside / trials:.3f} |")


def seeds(trials: int) -> None:
    print("\n| seeds | clusters | sd of seeds | seeds and clusters | resampled |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    rng = np.random.default_rng(1)
    for count in (3, 5):
        for groups in (30, 300):
            for spread in (0.0, 0.05, 0.2, 1.0):
                held = np.zeros(2)
                for _ in range(trials):
                    values = rng.normal(0, 1, groups) + rng.normal(0, spread, (count, 1))
                    values += rng.normal(0, 1, (count, groups))
                    interval = seed_interval(values, clusters=None)
                    assert isinstance(interval, Interval)
                    held += interval.low <= 0 <= interval.high, _resampled(values, rng)
                print(f"| {count} | {groups} | {spread} | {held[0] / trials:.3f} | {held[1] / trials:.3f} |")


def _resampled(values: np.ndarray, rng: np.random.Generator, replicates: int = 400) -> bool:
    count, groups = values.shape
    wider = values.mean(axis=0) + np.sqrt(count / (count - 1)) * (values - values.mean(axis=0))
    clusters = rng.multinomial(groups, np.full(groups, 1 / groups), size=replicates) / groups
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=replicates) / count
    low, high = np.quantile(((clusters @ wider.T) * drawn).sum(axis=1), [0.025, 0.975])
    return bool(low <= 0 <= high)


def speed(systems: int, items: int) -> bool:
    rng = np.random.default_rng(2)
    values = (rng.random((systems, items)) < np.linspace(0.3, 0.4, systems)[:, None]).astype(float)
    began = time.perf_counter()
    tests = pairwise_tests(values, clusters=None, seed=0)
    took, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"\n{systems} systems, {items} items: {tests.method}, {took:.1f} s (limit {LIMIT_S}), {peak:.0f} MB ({LIMIT_MB})"
    )
    return took <= LIMIT_S and peak <= LIMIT_MB


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few trials")
    quick = parser.parse_args().quick
    good = speed(60, 600 if quick else 6000)
    family(20 if quick else 1000)
    seeds(20 if quick else 1000)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
