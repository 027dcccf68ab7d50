"""How often each interval of a board holds the truth, simulated at 30, 300 and 3,000 independent units.

A unit is what is resampled: a garment with its queries, a caption, a person. Each row is a population from a seed whose
true value is known, by the closed form or as the mean over far more draws. A sample is drawn again and again, its
interval is computed by the code that a board's intervals come from, and it is counted whether the truth is inside. An
interval that is withheld counts for the last number alone. For FID the truth is the mean of the distance at this number
of images, and the interval its value plus and minus 1.96 standard errors.

    OMP_NUM_THREADS=1 python benchmarks/coverage.py [--units 30 300] [--only KID] [--scale 0.2]
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import stats

from fashionbench.metrics.captioning import ngrams
from fashionbench.metrics.generation.frechet import frechet_of_features, standard_error
from fashionbench.metrics.generation.kernel_mmd import off_diagonal_distance
from fashionbench.metrics.generation.persons import Persons
from fashionbench.statistics.jackknife import jackknife_interval
from fashionbench.statistics.roc import area_under_curve
from fashionbench.statistics.sampling import FEWEST, sampling_interval
from fashionbench.statistics.sums import resampled_interval

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Rng = np.random.Generator

UNITS = (30, 300, 3000)
REPLICATES = 1000
DIMENSIONS = 64


class Found(NamedTuple):
    """What one sample gave: its value, its interval or none, and the truth where it is known beforehand."""

    value: float
    bounds: tuple[float, float] | None
    truth: float | None = None


Draw = "Callable[[Rng, int], Found]"


def clustered(rng: Rng, units: int, spread: float = 0.7) -> tuple[Array, list[str]]:
    """Draw one to five queries for each garment, hard or easy together: normal scores with a correlation of one half."""
    sizes = rng.integers(1, 6, units)
    codes = np.repeat(np.arange(units), sizes)
    scores = rng.normal(size=units)[codes] * spread + rng.normal(size=codes.size) * np.sqrt(1 - spread**2)
    return scores, [f"{code:05d}" for code in codes]


def hits(share: float) -> Callable[[Rng, int], Found]:
    """Hits at a share, garments as clusters."""

    def draw(rng: Rng, units: int) -> Found:
        scores, clusters = clustered(rng, units)
        values = (scores < stats.norm.ppf(share)).astype(float)
        found = sampling_interval(values, clusters=clusters, strata=None, seed=0, bounds=(0, 1))
        return Found(values.mean(), found.bounds, share)

    return draw


def extreme(low: float, high: float) -> Callable[[Rng, int], Found]:
    """Hits at a share near 0 or 1, which is drawn anew for each sample: at any one, coverage jumps with the counts."""

    def draw(rng: Rng, units: int) -> Found:
        share = rng.uniform(low, high)
        values = (rng.random(units) < share).astype(float)
        found = sampling_interval(values, clusters=None, strata=None, seed=0, bounds=(0, 1))
        return Found(values.mean(), found.bounds, share)

    return draw


def slices(shares: tuple[float, ...], sizes: tuple[float, ...]) -> Callable[[Rng, int], Found]:
    """The mean over slices of hits."""

    def draw(rng: Rng, units: int) -> Found:
        counts = [max(int(units * size), 1) for size in sizes]
        strata = [name for name, count in zip("abc", counts, strict=True) for _ in range(count)]
        values = np.concatenate([(rng.random(n) < p).astype(float) for n, p in zip(counts, shares, strict=True)])
        found = sampling_interval(values, clusters=None, strata=strata, seed=0, average="strata", bounds=(0, 1))
        return Found(0.0, found.bounds, float(np.mean(shares)))

    return draw


def reciprocal(mean: float) -> Callable[[Rng, int], Found]:
    """Reciprocal ranks of log-normal ranks, garments as clusters."""

    def draw(rng: Rng, units: int) -> Found:
        scores, clusters = clustered(rng, units)
        values = 1 / np.ceil(np.exp(mean + 1.8 * scores))
        found = sampling_interval(values, clusters=clusters, strata=None, seed=1, bounds=(0, 1), replicates=REPLICATES)
        return Found(values.mean(), found.bounds, known(mean))

    return draw


@cache
def known(mean: float) -> float:
    """The mean reciprocal rank of the population."""
    return float(np.mean(1 / np.ceil(np.exp(mean + 1.8 * stats.norm.ppf((np.arange(2_000_000) + 0.5) / 2_000_000)))))


def median_rank(low: float, high: float) -> Callable[[Rng, int], Found]:
    """The median of ranks, garments as clusters; its place between two whole numbers is drawn anew for each sample."""

    def draw(rng: Rng, units: int) -> Found:
        scores, clusters = clustered(rng, units)
        mean = rng.uniform(np.log(low), np.log(high))
        values = np.ceil(np.exp(mean + 1.8 * scores))
        found = sampling_interval(values, clusters=clusters, strata=None, seed=0, statistic="median")
        return Found(float(np.median(values)), found.bounds, float(np.ceil(np.exp(mean))))

    return draw


def area(auc: float) -> Callable[[Rng, int], Found]:
    """The area under the curve of normal scores, half of them positive."""

    def draw(rng: Rng, units: int) -> Found:
        positive = rng.normal(np.sqrt(2) * stats.norm.ppf(auc), 1, units // 2)
        value, found = area_under_curve(positive, rng.normal(size=units // 2))
        return Found(value, found.bounds, auc)

    return draw


def captions(rng: Rng, count: int) -> tuple[list[str], list[tuple[str, ...]]]:
    """Write captions of eight to fourteen words of falling frequency, and keep a part of each as its candidate."""
    chances = (1 + np.arange(400)) ** -1.0
    words = np.array([f"w{i}" for i in range(400)])
    candidates, references = [], []
    for _ in range(count):
        reference = rng.choice(words, rng.integers(8, 15), p=chances / chances.sum())
        wrong = rng.random(reference.size) < rng.beta(1.5, 3)
        candidates.append(" ".join(np.where(wrong, rng.choice(words, reference.size), reference)))
        references.append((" ".join(reference),))
    return candidates, references


@cache
def bleu_pool() -> Array:
    """The counts of 40,000 captions, which stand for all there are."""
    return ngrams.bleu_counts(*captions(np.random.default_rng(8), 40_000))


def bleu(rng: Rng, units: int) -> Found:
    """Corpus BLEU-4."""
    pool = bleu_pool()
    if units < FEWEST:
        return Found(0.0, None)
    chosen = pool[rng.integers(0, len(pool), units)]

    def score(sums: Array) -> Array:
        return ngrams.bleu_score(sums, 4)

    found = resampled_interval(chosen, score, clusters=[f"{i:05d}" for i in range(units)], seed=2)
    return Found(0.0, found.bounds, float(score(pool.sum(axis=0))))


def cider(rng: Rng, units: int) -> Found:
    """CIDEr-D with the document frequencies of the sample; the truth is its mean at this number of captions."""
    values = ngrams.cider(*captions(rng, units))
    found = sampling_interval(values, clusters=None, strata=None, seed=3, replicates=REPLICATES)
    return Found(float(values.mean()), found.bounds)


@cache
def mix() -> Array:
    """Directions of features with a falling spectrum."""
    rng = np.random.default_rng(9)
    return rng.normal(size=(DIMENSIONS, DIMENSIONS)) * (1 + np.arange(DIMENSIONS))[:, None] ** -0.7 * 0.3


def features(rng: Rng, units: int) -> Array:
    """Features cut at zero, as those of a network."""
    return np.maximum(rng.normal(size=(units, DIMENSIONS)) @ mix() + 0.4, 0)


def try_on(rng: Rng, units: int, shift: float, *, same: bool) -> tuple[Array, Array, Persons]:
    """Real photos, and photos generated of the same persons, or of others."""
    real = features(rng, units)
    base = real if same else features(rng, units)
    made = np.maximum(base * (1 + shift) + 0.3 * rng.normal(size=real.shape) @ mix(), 0)
    persons = Persons(np.arange(units), np.arange(units)) if same else Persons.apart(units, units)
    return made, real, persons


def kid(shift: float, *, same: bool) -> Callable[[Rng, int], Found]:
    """The kernel distance off the diagonal."""

    def draw(rng: Rng, units: int) -> Found:
        made, real, persons = try_on(rng, units, shift, same=same)
        found = off_diagonal_distance(made, real, persons)
        return Found(found.value, jackknife_interval(found.value, found.error, persons.count).bounds)

    return draw


def fid(shift: float, *, same: bool) -> Callable[[Rng, int], Found]:
    """The standard error of the Fréchet distance, for its mean at this number of images."""

    def draw(rng: Rng, units: int) -> Found:
        made, real, persons = try_on(rng, units, shift, same=same)
        value = frechet_of_features(made, real)
        error = standard_error(made, real, persons)
        half = 1.959964 * error if isinstance(error, float) else None
        return Found(value, None if half is None else (value - half, value + half))

    return draw


#: Name, population, how many samples at each number of units, and whether the truth is the mean of the largest alone.
ROWS: tuple[tuple[str, Any, tuple[int, int, int]], ...] = (
    ("hit, share 0.3, clusters", hits(0.3), (2000, 2000, 500)),
    ("hit, share 0.9, clusters", hits(0.9), (2000, 2000, 500)),
    ("hit, share 0 to 0.1 (0 successes)", extreme(0, 0.1), (4000, 4000, 2000)),
    ("hit, share 0.9 to 1 (all successes)", extreme(0.9, 1), (4000, 4000, 2000)),
    ("mean over slices of 60, 30, 10 %", slices((0.1, 0.1, 0.3), (0.6, 0.3, 0.1)), (2000, 2000, 1000)),
    ("mean over three equal slices, share 0.95", slices((0.95,) * 3, (1 / 3,) * 3), (2000, 2000, 1000)),
    ("mean over three equal slices, share 0.03", slices((0.03,) * 3, (1 / 3,) * 3), (2000, 2000, 1000)),
    ("mean over slices of 49, 49, 2 %, share 0.5", slices((0.5,) * 3, (0.49, 0.49, 0.02)), (2000, 4000, 4000)),
    ("mean over slices of 49, 49, 2 %, share 0.3", slices((0.3,) * 3, (0.49, 0.49, 0.02)), (2000, 4000, 4000)),
    ("MRR 0.27, clusters", reciprocal(2.0), (1000, 600, 200)),
    ("MRR 0.03, clusters", reciprocal(5.0), (1000, 600, 200)),
    ("median rank 5 to 7, clusters", median_rank(5, 7), (4000, 2000, 1000)),
    ("median rank 50 to 60, clusters", median_rank(50, 60), (4000, 2000, 2000)),
    ("median rank 500 to 600, clusters", median_rank(500, 600), (4000, 2000, 2000)),
    ("AUC 0.75", area(0.75), (4000, 2000, 1000)),
    ("AUC 0.97", area(0.97), (4000, 2000, 1000)),
    ("BLEU-4", bleu, (1000, 600, 200)),
    ("CIDEr", cider, (1000, 400, 100)),
    ("KID off the diagonal, same persons, far", kid(0.2, same=True), (1000, 500, 480)),
    ("KID off the diagonal, same persons, near", kid(0.02, same=True), (1000, 500, 120)),
    ("KID off the diagonal, other persons", kid(0.2, same=False), (1000, 500, 120)),
    ("FID ± standard error, same persons, far", fid(0.2, same=True), (1000, 400, 150)),
    ("FID ± standard error, same persons, near", fid(0.02, same=True), (1000, 2000, 150)),
    ("FID ± standard error, other persons", fid(0.2, same=False), (1000, 1200, 150)),
)


def coverage(found: list[Found], unbiased: float | None) -> tuple[float, float]:
    """Return the share of the given intervals that hold the truth, and the share of samples without one."""
    given = [one for one in found if one.bounds is not None]
    mean = float(np.mean([one.value for one in found])) if unbiased is None else unbiased
    truths = [mean if one.truth is None else one.truth for one in given]
    inside = [one.bounds[0] <= t <= one.bounds[1] for one, t in zip(given, truths, strict=True) if one.bounds]
    return float(np.mean(inside)) if inside else float("nan"), 1 - len(given) / len(found)


def lines(units: tuple[int, ...], only: str, scale: float) -> Iterator[str]:
    """Write the table, row by row."""
    yield "| interval | " + " | ".join(f"n = {n:,}" for n in units) + " |"
    yield "|---|" + "---:|" * len(units)
    for name, draw, times in ROWS:
        if only.lower() not in name.lower():
            continue
        cells: list[str] = []
        samples: dict[int, list[Found]] = {}
        for n in units:
            rng = np.random.default_rng([n, len(name)])
            samples[n] = [draw(rng, n) for _ in range(max(int(times[UNITS.index(n)] * scale), 2))]
        # The kernel distance is unbiased, so that the largest samples know the truth best.
        last = [one.value for one in samples[max(units)]]
        unbiased = float(np.mean(last)) if name.startswith("KID") and max(units) > 30 else None
        for n in units:
            share, withheld = coverage(samples[n], unbiased)
            noise = 100 * np.sqrt(0.95 * 0.05 / max(len(samples[n]) * (1 - withheld), 1))
            none = f", {withheld:.0%} withheld" if withheld > 0 else ""
            # Of the few that are left none can be told: which they are depends on the value.
            told = f"{100 * share:.1f} ± {noise:.1f}{none}" if withheld < 0.95 else f"{withheld:.0%} withheld"
            cells.append("withheld" if withheld == 1 else told)
        yield f"| {name} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", type=int, nargs="+", default=list(UNITS), choices=UNITS)
    parser.add_argument("--only", default="", help="rows whose name holds this")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of samples")
    parser.add_argument("--quick", action="store_true", help="few samples of 30 units, to see that it runs")
    given = parser.parse_args()
    if given.quick:
        given.units, given.scale = [30], 0.02
    begun = time.perf_counter()
    for line in lines(tuple(given.units), given.only, given.scale):
        print(line, flush=True)
    print(f"{time.perf_counter() - begun:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    main()
