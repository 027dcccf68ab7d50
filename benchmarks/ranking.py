"""Measure rank counting against its peers and against the machine's own matrix product.

    OMP_NUM_THREADS=2 python benchmarks/ranking.py [--quick]

Every method answers R@1 and R@10 for one positive a query, from float32 vectors of unit length. Times are the best of
some rounds in which the methods take turns, so that a busy machine slows all of them. The unit is the time of the bare
product of all queries with the gallery, the faster of two ways in the same rounds: no method that scores every pair
exactly can go below 1. Memory is what a fresh process needs beyond its imports and the vectors.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Ranks = NDArray[np.int64]
    Method = Callable[[Vectors, Vectors], Ranks]

SLAB = (
    512  # queries whose whole rows of scores the sorting methods hold at a time; all rows at once would not be kinder
)


@dataclass(frozen=True)
class Problem:
    """Query i is a noisy copy of gallery item i.

    :param noise: the length of the noise; at 3.8 an item of a gallery of 10,000 comes first about half of the time.
    """

    n_queries: int
    n_gallery: int
    dimensions: int = 256
    noise: float = 3.8

    @property
    def name(self) -> str:
        return f"{self.n_queries:,} x {self.n_gallery:,} x {self.dimensions}"

    def vectors(self) -> tuple[Vectors, Vectors]:
        rng = np.random.default_rng(0)
        gallery = rng.standard_normal((self.n_gallery, self.dimensions), dtype=np.float32)
        queries = rng.standard_normal((self.n_queries, self.dimensions), dtype=np.float32)
        queries *= self.noise
        queries += gallery[: self.n_queries]
        gallery /= np.sqrt(np.einsum("nd,nd->n", gallery, gallery))[:, None]
        queries /= np.sqrt(np.einsum("nd,nd->n", queries, queries))[:, None]
        return queries, gallery


def counting(queries: Vectors, gallery: Vectors) -> Ranks:
    from fashionbench.metrics.retrieval.rank_counting import count_ranks

    return count_ranks(queries, gallery, np.arange(len(queries))[:, None]).better


def counting_top_100(queries: Vectors, gallery: Vectors) -> Ranks:
    from fashionbench.metrics.retrieval.rank_counting import count_ranks

    return count_ranks(queries, gallery, np.arange(len(queries))[:, None], top_k=100).better


def product_of_rows(queries: Vectors, gallery: Vectors) -> Ranks:
    """The bare product, in slabs of whole rows."""
    return bare_product(queries, gallery, (max(2**26 // len(gallery), 1), len(gallery)))


def product_of_blocks(queries: Vectors, gallery: Vectors) -> Ranks:
    """The bare product, in blocks that stay in the cache."""
    return bare_product(queries, gallery, (1024, 1008))


def bare_product(queries: Vectors, gallery: Vectors, block_shape: tuple[int, int]) -> Ranks:
    out = scratch(min(block_shape[0], len(queries)) * min(block_shape[1], len(gallery)))
    for left in range(0, len(gallery), block_shape[1]):
        items = gallery[left : left + block_shape[1]]
        for top in range(0, len(queries), block_shape[0]):
            part = queries[top : top + block_shape[0]]
            np.matmul(part, items.T, out=out[: len(part) * len(items)].reshape(len(part), len(items)))
    return np.zeros(0, dtype=np.int64)


@functools.cache
def scratch(size: int) -> Vectors:
    """Memory that has been touched, or the product would be charged for its first use in every round."""
    return np.ones(size, dtype=np.float32)


def numpy_argsort(queries: Vectors, gallery: Vectors) -> Ranks:
    ranks = []
    for start in range(0, len(queries), SLAB):
        order = np.argsort(-(queries[start : start + SLAB] @ gallery.T), axis=1)
        ranks.append(np.argmax(order == np.arange(start, start + len(order))[:, None], axis=1))
    return np.concatenate(ranks)


def torch_topk(queries: Vectors, gallery: Vectors) -> Ranks:
    """Ranks below 10; a positive that is not among the ten gets the rank 10."""
    import torch

    left, right = torch.from_numpy(queries), torch.from_numpy(gallery)
    ranks = []
    for start in range(0, len(queries), SLAB):
        top = torch.topk(left[start : start + SLAB] @ right.T, 10, dim=1).indices
        found = top == torch.arange(start, start + len(top))[:, None]
        ranks.append(torch.where(found.any(1), found.int().argmax(1), 10).numpy())
    return np.concatenate(ranks).astype(np.int64)


def torchmetrics_hit_rate(queries: Vectors, gallery: Vectors) -> Ranks:
    """The rank 0, 1 (below ten) or 10, from the hit rates at 1 and 10."""
    import torch
    from torchmetrics.retrieval import RetrievalHitRate

    n, m = len(queries), len(gallery)
    scores = torch.from_numpy(1 + queries @ gallery.T).flatten()
    target = torch.eye(n, m, dtype=torch.bool).flatten()
    query = torch.arange(n).repeat_interleave(m)
    rates = []
    for k in (1, 10):
        metric = RetrievalHitRate(top_k=k)
        metric.update(scores, target, indexes=query)
        rates.append(round(float(metric.compute()) * n))
    return np.repeat([0, 1, 10], [rates[0], rates[1] - rates[0], n - rates[1]]).astype(np.int64)


METHODS: dict[str, Method] = {
    "bare product, rows": product_of_rows,
    "bare product, blocks": product_of_blocks,
    "count_ranks": counting,
    "count_ranks, top_k=100": counting_top_100,
    "numpy argsort": numpy_argsort,
    "torch topk 10": torch_topk,
    "torchmetrics hit rate": torchmetrics_hit_rate,
}


PRODUCTS = ("bare product, rows", "bare product, blocks")


def resident_mb() -> float:
    """The peak of the resident memory, since it was last reset where that is possible."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


def measure_memory(problem: Problem, name: str) -> float:
    """Run one method in this process and give its peak beyond imports, vectors and a warm-up."""
    queries, gallery = problem.vectors()
    METHODS[name](queries[:20], gallery[:20])
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        print("the peak of memory cannot be reset here and includes that of the imports", file=sys.stderr)
    before = resident_mb()
    METHODS[name](queries, gallery)
    return resident_mb() - before


def memory_in_a_fresh_process(problem: Problem, name: str) -> float:
    arguments = [sys.executable, __file__, "--memory", name, "--problem", json.dumps(problem.__dict__)]
    return float(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def check_agreement(problem: Problem, ranks: dict[str, Ranks]) -> str:
    """Refuse to report times of answers that differ; say what they are.

    A positive that is tied may fall on either side of a cut-off, and no method is wrong then; such queries are few and
    are left out. What torchmetrics gives is a sum over queries, which may differ by no more than their number.
    """
    from fashionbench.metrics.retrieval.rank_counting import count_ranks

    queries, gallery = problem.vectors()
    clear = count_ranks(queries, gallery, np.arange(problem.n_queries)[:, None]).tied == 0
    hits = {k: ranks["count_ranks"] < k for k in (1, 10)}
    for name, found in ranks.items():
        for k, ours in hits.items():
            if name.startswith("torchmetrics"):
                apart = max(abs(int(ours.sum()) - int((found < k).sum())) - int((~clear).sum()), 0)
            else:
                apart = int((ours != (found < k))[clear].sum())
            if apart:
                raise SystemExit(f"{name} and count_ranks differ in R@{k}")
    return (
        f"R@1 {hits[1].mean():.4f}, R@10 {hits[10].mean():.4f} by every method; {np.count_nonzero(~clear)} tied queries"
    )


def compare(problem: Problem, names: list[str], rounds: int) -> list[tuple[str, ...]]:
    queries, gallery = problem.vectors()
    best = dict.fromkeys(names, float("inf"))
    ranks = {}
    for name in names:  # imports and first calls are not what is measured
        METHODS[name](queries[:20], gallery[:20])
    for turn in range(rounds):
        for name in names:
            # A sort that takes a minute is not made faster by repeating it.
            if turn and best[name] > 20 * best[PRODUCTS[1]]:
                continue
            start = time.perf_counter()
            found = METHODS[name](queries, gallery)
            best[name] = min(best[name], time.perf_counter() - start)
            if found.size:
                ranks[name] = found
    unit = min(best[name] for name in PRODUCTS)
    print(f"\n{problem.name}, noise {problem.noise:g}: {check_agreement(problem, ranks)}")
    return [
        (
            name,
            f"{seconds:.3f}",
            f"{seconds / unit:.2f}",
            f"{memory_in_a_fresh_process(problem, name):.0f}",
        )
        for name, seconds in best.items()
    ]


def print_table(rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("method")
    for header in ("seconds", "x product", "extra MB"):
        table.add_column(header, justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small problems, to see that it runs")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the best counts")
    parser.add_argument("--memory", choices=METHODS, help=argparse.SUPPRESS)
    parser.add_argument("--problem", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory:
        print(measure_memory(Problem(**options.problem), options.memory))
        return
    scale = 10 if options.quick else 1
    square, long = Problem(10_000 // scale, 10_000 // scale), Problem(2_000 // scale, 200_000 // scale)
    untrained = Problem(square.n_queries, square.n_gallery, noise=1000.0)
    small = Problem(1_000, 1_000)
    everywhere = [name for name in METHODS if name != "torchmetrics hit rate"]
    print(f"threads: OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'unset')}, {os.cpu_count()} processors")
    print_table(compare(square, everywhere, options.rounds))
    print_table(compare(long, everywhere, options.rounds))
    print("\nA model that has learnt nothing, whose positives have as many better as worse negatives:")
    print_table(compare(untrained, [*PRODUCTS, "count_ranks"], options.rounds))
    gigabytes = 75 * square.n_queries * square.n_gallery / 1e9
    print(f"\nScaled down: torchmetrics needs near 75 bytes a pair, which is {gigabytes:.1f} GB at the size above.")
    print_table(compare(small, [*PRODUCTS, "count_ranks", "torchmetrics hit rate"], options.rounds))


if __name__ == "__main__":
    main()
