"""Ranks of queries in a large gallery on the device, against the bare product, and against the project's counting.

fashionbench counts ranks on the processor (``metrics/retrieval/rank_counting.py``). What counts here is its method written
again for a device: the float32 product of a block is believed where it is further from the positive's score than rounding can
reach, and what is nearer is scored again in float64.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gpu_parts import said, synchronize

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpu_parts import PartRun
    from torch import Tensor

DIMENSIONS = 768
TIE_TOLERANCE = 1e-6
#: Queries, gallery, and how many of each are scored at a time.
SIZES = {"real": (100_000, 1_000_000, 4096, 65_536), "nano": (200, 3_000, 64, 1_000)}


def ranking(run: PartRun) -> dict[str, Any]:
    """Count the ranks of one positive a query; the bare product goes over the same blocks."""
    import torch

    n_queries, n_gallery, top, left = SIZES[run.size]
    queries, gallery = problem(n_queries, n_gallery, run.device)
    found: dict[str, Any] = {
        "problem": f"{n_queries:,} x {n_gallery:,} x {DIMENSIONS}",
        "blocks": f"{top:,} x {left:,}",
        "counted by": "this benchmark's torch code; fashionbench itself counts on the processor",
        "ways": {},
    }
    warm = slice(0, top)
    count_ranks(queries[warm], gallery[:left], torch.arange(top, device=run.device) % left, (top, left))
    bare_product(queries[warm], gallery[:left], (top, left))
    synchronize(run.device)
    budget = max(2.0, (run.left - 3) / 6)
    counter = Counter()

    def counted(part: Tensor, start: int) -> None:
        positives = torch.arange(start, start + len(part), device=run.device)
        better, tied = count_ranks(part, gallery, positives, (top, left), counter)
        counter.first += int((better == 0).sum())
        counter.tied += int((tied > 0).sum())

    ways: dict[str, Callable[[Tensor, int], object]] = {
        "bare product, float32": lambda part, _: bare_product(part, gallery, (top, left)),
        "exact ranks": counted,
    }
    for name, work in ways.items():
        found["ways"][name] = strips(work, queries, n_gallery, top, budget, run.device)
        run.keep(found)
    unit = found["ways"]["bare product, float32"]["ns a pair"]
    torch.backends.cuda.matmul.allow_tf32 = True
    found["ways"]["bare product, TF32"] = strips(
        ways["bare product, float32"], queries, n_gallery, top, budget, run.device
    )
    torch.backends.cuda.matmul.allow_tf32 = False
    for row in found["ways"].values():
        row["time / float32 product"] = row["ns a pair"] / unit
    done = found["ways"]["exact ranks"]["queries"]
    found |= {"R@1": counter.first / done, "queries with a tie": counter.tied, "scored again": counter.again}
    if run.device != "cpu":
        found["peak GiB"] = torch.cuda.max_memory_allocated() / 2**30
    run.keep(found)
    found["the project's counting on the processor"] = on_processor(queries, gallery, run)
    print(f"ranking: {said(found)}")
    return found


class Counter:
    """What the counting met: positives that come first, ties, and scores that were computed again in float64."""

    def __init__(self) -> None:
        self.first = self.tied = self.again = 0


def problem(n_queries: int, n_gallery: int, device: str, noise: float = 5.5) -> tuple[Tensor, Tensor]:
    """Query i is a noisy copy of gallery item i, about half of which come first in a million; unit length, float32."""
    import torch

    generator = torch.Generator(device).manual_seed(0)

    def normal(count: int) -> Tensor:
        return torch.randn((count, DIMENSIONS), generator=generator, device=device)

    gallery = normal(n_gallery)
    queries = normal(n_queries).mul_(noise).add_(gallery[:n_queries])
    for rows in (queries, gallery):
        for part in rows.split(65_536):
            part.div_(part.norm(dim=1, keepdim=True))
    return queries, gallery


def strips(
    work: Callable[[Tensor, int], object], queries: Tensor, n_gallery: int, top: int, budget: float, device: str
) -> dict[str, Any]:
    """Work through the queries, a strip of them against the whole gallery at a time, until all are done or time is up."""
    synchronize(device)
    begun, done = time.perf_counter(), 0
    for start in range(0, len(queries), top):
        part = queries[start : start + top]
        work(part, start)
        synchronize(device)
        done += len(part)
        if time.perf_counter() - begun > budget:
            break
    seconds = time.perf_counter() - begun
    pairs = done * n_gallery
    return {
        "queries": done,
        "s": seconds,
        "ns a pair": seconds / pairs * 1e9,
        "TFLOP/s": 2 * pairs * DIMENSIONS / seconds / 1e12,
    }


def bare_product(queries: Tensor, gallery: Tensor, block: tuple[int, int]) -> None:
    import torch

    out = torch.empty(block[0] * block[1], device=queries.device)
    for items in gallery.split(block[1]):
        for part in queries.split(block[0]):
            torch.mm(part, items.T, out=out[: len(part) * len(items)].view(len(part), len(items)))


def count_ranks(
    queries: Tensor, gallery: Tensor, positives: Tensor, block: tuple[int, int], counter: Counter | None = None
) -> tuple[Tensor, Tensor]:
    """Count, for the one positive of each query, the negatives that score better by more than the tolerance, and the ties.

    Vectors have unit length. The counts are those of float64 arithmetic on the float32 vectors.
    """
    import torch

    size = DIMENSIONS + 2
    # How far a float32 score may be from that of float64: Higham's bound of a dot product, for any order of summation.
    doubt = size * 2.0**-24 / (1 - size * 2.0**-24) + size * 2.0**-52
    score = torch.einsum("nd,nd->n", queries.double(), gallery[positives].double())
    better = torch.zeros(len(queries), dtype=torch.int64, device=queries.device)
    tied = torch.zeros_like(better)
    out = torch.empty(block[0] * block[1], device=queries.device)
    # The bounds are rounded to float32 too, by less than the last term: no score that is in doubt lies outside of them.
    margin = TIE_TOLERANCE + doubt + 2.0**-22
    high, low = (score + margin).float(), (score - margin).float()
    for left in range(0, len(gallery), block[1]):
        items = gallery[left : left + block[1]]
        for top in range(0, len(queries), block[0]):
            part = slice(top, min(top + block[0], len(queries)))
            rows = part.stop - part.start
            block_scores = out[: rows * len(items)].view(rows, len(items))
            torch.mm(queries[part], items.T, out=block_scores)
            at = positives[part] - left
            here = ((at >= 0) & (at < len(items))).nonzero().squeeze(1)
            block_scores[here, at[here]] = -torch.inf
            sure = torch.count_nonzero(block_scores > high[part, None], dim=1)
            possible = torch.count_nonzero(block_scores >= low[part, None], dim=1)
            better[part] += sure
            near = (possible > sure).nonzero().squeeze(1)
            if not len(near):
                continue
            row, column = (
                (block_scores[near] >= low[part][near, None]) & (block_scores[near] <= high[part][near, None])
            ).nonzero(as_tuple=True)
            row = near[row] + top
            for some in torch.arange(len(row), device=row.device).split(65_536):
                exact = torch.einsum("nd,nd->n", queries[row[some]].double(), items[column[some]].double())
                apart = exact - score[row[some]]
                better.index_add_(0, row[some], (apart > TIE_TOLERANCE).long())
                tied.index_add_(0, row[some], (apart.abs() <= TIE_TOLERANCE).long())
            if counter is not None:
                counter.again += len(row)
    return better, tied


def on_processor(queries: Tensor, gallery: Tensor, run: PartRun) -> dict[str, Any]:
    """Time ``count_ranks`` of the project on a part of the problem."""
    import numpy as np

    from fashionbench.metrics.retrieval import rank_counting

    few, many = (1_024, 50_000) if run.size == "real" else (50, 500)
    left, right = queries[:few].cpu().numpy(), gallery[:many].cpu().numpy()
    begun = time.perf_counter()
    rank_counting.count_ranks(left, right, np.arange(few)[:, None])
    seconds = time.perf_counter() - begun
    return {
        "pairs": f"{few:,} x {many:,}",
        "s": seconds,
        "ns a pair": seconds / few / many * 1e9,
        "TFLOP/s": 2 * few * many * DIMENSIONS / seconds / 1e12,
    }
