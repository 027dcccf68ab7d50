"""Fréchet and kernel distance of features against clean-fid and torchmetrics: seconds, peak memory, and that values agree.

Features are synthetic, from a seed: a few strong directions with falling weights, noise, and a cut at zero, as Inception's
are. Each side runs in a process of its own; imports and the making of the features are not in its seconds, and its extra
memory is the peak above what these took. For the kernel distance the libraries average over 100 random subsets of 1,000,
where ours takes all pairs; ``subsets`` is our code doing what they do.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Features = NDArray[np.float32]

BATCH = 500
SIDES = {"fid": ("ours", "clean-fid", "torchmetrics"), "kid": ("ours", "subsets", "clean-fid", "torchmetrics")}
SUBSETS, SIZE = 100, 1000


def features(count: int, dimensions: int) -> tuple[Features, Features]:
    """Make two sets, of generated and of real pictures, block by block to keep the peak low."""
    rng = np.random.default_rng(0)
    rank = min(256, dimensions)
    mix = rng.normal(size=(rank, dimensions)) * (1 + np.arange(rank))[:, None] ** -0.6
    mean = 0.35 + 0.05 * rng.normal(size=dimensions)

    def one(shift: float) -> Features:
        made = np.empty((count, dimensions), dtype=np.float32)
        for at in range(0, count, BATCH):
            rows = len(made[at : at + BATCH])
            block = rng.normal(size=(rows, rank)) @ mix * 0.3 + 0.1 * rng.normal(size=(rows, dimensions))
            made[at : at + BATCH] = np.maximum(block + mean * (1 + shift), 0)
        return made

    return one(0.05), one(0)


def batches(side: Features) -> Iterator[Features]:
    return (side[at : at + BATCH] for at in range(0, len(side), BATCH))


@contextmanager
def timed(times: dict[str, float], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    times[name] = time.perf_counter() - wall
    times[f"{name} cpu"] = time.process_time() - cpu


def imports(name: str) -> Any:
    """Import what a side needs before its clock starts."""
    if name == "clean-fid":
        from cleanfid import fid

        return fid
    if name == "torchmetrics":
        import torch
        from torchmetrics.image.fid import FrechetInceptionDistance
        from torchmetrics.image.kid import KernelInceptionDistance

        class Identity(torch.nn.Module):
            num_features = 0

            def forward(self, rows: Any) -> Any:
                return rows

        return torch, Identity(), FrechetInceptionDistance, KernelInceptionDistance
    from fashionbench.metrics.generation import frechet, kernel_mmd

    return frechet, kernel_mmd


def fid(name: str, library: Any, made: Features, real: Features, times: dict[str, float]) -> tuple[float, float]:
    if name == "ours":
        frechet, _ = library
        with timed(times, "statistics"):
            one, two = frechet.Moments.of(batches(made)), frechet.Moments.of(batches(real))
        with timed(times, "distance"):
            return frechet.frechet_distance(one, two), 0.0
    if name == "clean-fid":
        with timed(times, "statistics"):
            sides = [(np.mean(side, axis=0), np.cov(side, rowvar=False)) for side in (made, real)]
        with timed(times, "distance"):
            return float(library.frechet_distance(*sides[0], *sides[1])), 0.0
    torch, identity, metric, _ = library
    identity.num_features = made.shape[1]
    distance = metric(feature=identity)
    with timed(times, "statistics"):
        for side, is_real in ((made, False), (real, True)):
            for batch in batches(side):
                distance.update(torch.from_numpy(batch), real=is_real)
    with timed(times, "distance"):
        return float(distance.compute()), 0.0


def kid(name: str, library: Any, made: Features, real: Features, times: dict[str, float]) -> tuple[float, float]:
    size = min(SIZE, len(made))
    if name in {"ours", "subsets"}:
        _, kernel_mmd = library
        with timed(times, "distance"):
            found = (
                kernel_mmd.kernel_distance(made, real)
                if name == "ours"
                else kernel_mmd.subset_distance(made, real, 0, SUBSETS, size)
            )
        return found.value, found.error
    if name == "clean-fid":
        np.random.seed(0)  # noqa: NPY002 - the library draws from numpy's global state
        with timed(times, "distance"):
            return float(library.kernel_distance(made, real, num_subsets=SUBSETS, max_subset_size=size)), 0.0
    torch, identity, _, metric = library
    torch.manual_seed(0)
    distance = metric(feature=identity, subsets=SUBSETS, subset_size=size)
    with timed(times, "distance"):
        for side, is_real in ((made, False), (real, True)):
            for batch in batches(side):
                distance.update(torch.from_numpy(batch), real=is_real)
        value, spread = distance.compute()
    return float(value), float(spread)


def side(kind: str, name: str, count: int, dimensions: int) -> None:
    library = imports(name)
    made, real = features(count, dimensions)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times: dict[str, float] = {}
    value, error = {"fid": fid, "kid": kid}[kind](name, library, made, real, times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall = sum(seconds for stage, seconds in times.items() if not stage.endswith("cpu"))
    cpu = sum(seconds for stage, seconds in times.items() if stage.endswith("cpu"))
    print(json.dumps({"wall": wall, "cpu": cpu, "peak": peak, "extra": peak - before, "value": value, "error": error}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1,200 pictures of 256 features")
    parser.add_argument("--count", type=int, default=12_000)
    parser.add_argument("--dimensions", type=int, default=2048)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    count, dimensions = (1200, 256) if options.quick else (options.count, options.dimensions)
    if options.side:
        side(*options.side, count, dimensions)
        return
    threads = os.environ.get("OMP_NUM_THREADS", "as many as cores")
    print(f"two sets of {count} pictures, {dimensions} features, threads: {threads}")
    for kind, names in SIDES.items():
        print(f"\n{kind:14}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}{'extra MB':>9}", end="")
        print(f"{'wall':>8}{'cpu':>7}{'extra':>7}   {'value':14}{'difference':>11}")
        ours: dict[str, float] = {}
        for name in names:
            words = ["--side", kind, name, "--count", str(count), "--dimensions", str(dimensions)]
            ran = subprocess.run([sys.executable, "-W", "ignore", __file__, *words], check=True, capture_output=True)
            found = json.loads(ran.stdout.splitlines()[-1])
            ours = ours or found
            print(f"{name:14}{found['wall']:9.2f}{found['cpu']:9.2f}{found['peak']:9.0f}{found['extra']:9.0f}", end="")
            ratios = [found[key] / ours[key] if ours[key] else float("nan") for key in ("wall", "cpu", "extra")]
            print(f"{ratios[0]:8.2f}{ratios[1]:7.2f}{ratios[2]:7.2f}   {found['value']:<14.9g}", end="")
            print(f"{abs(found['value'] / ours['value'] - 1):11.1e}", end="")
            print(f"   ± {found['error']:.1e}" if found["error"] else "")
    print("\nRatios are to ours. ± is a standard error for ours, and the spread over subsets where there are subsets.")


if __name__ == "__main__":
    main()
