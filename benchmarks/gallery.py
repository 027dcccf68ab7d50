"""Rank in galleries of up to a million items that lie in a file, against the bare blocked product of the same vectors.

    OMP_NUM_THREADS=2 python benchmarks/gallery.py [--folder FOLDER] [--quick] [--dtype float16]

The gallery is a memory map, of float16 as a run with ``embedding_dtype: float16`` keeps it, where 1,000,000 x 768 takes
1.5 GB on disk, or of float32 with twice that. Ranks are exact; those of a hundred queries are compared with float64
products of all items. The peak is the largest resident size
of a fresh process that does nothing else, pages of the file that it has read included; memory of its own is told apart.
The bare product reads the same file, block by block, turns it into float32 and multiplies; both take turns, and the best of
each counts.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

QUERIES, DIMENSIONS, BLOCK = 10_000, 768, (1024, 1008)
SIZES, QUICK = (10_000, 100_000, 1_000_000), (10_000, 50_000)
#: How far a query lies from its item; of a million about half come first at 6.
NOISE = 6.0
CHECKED = 100


def write(path: Path, items: int, dtype: str) -> None:
    """Write the gallery in parts, so that writing takes no more memory than ranking."""
    rng = np.random.default_rng(0)
    gallery = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (items, DIMENSIONS))
    for start in range(0, items, 10_000):
        gallery[start : start + 10_000] = rng.standard_normal(
            (min(10_000, items - start), DIMENSIONS), dtype=np.float32
        )
    gallery.flush()


def queries_of(gallery: Any) -> Any:
    """Make query i a noisy copy of item i * stride."""
    rng, stride = np.random.default_rng(1), len(gallery) // min(QUERIES, len(gallery))
    wanted = np.arange(min(QUERIES, len(gallery))) * stride
    rows = gallery[wanted].astype(np.float32)
    return rows + NOISE * rng.standard_normal(rows.shape, dtype=np.float32), wanted


def bare(queries: Any, gallery: Any) -> float:
    """Time the product alone."""
    began = time.perf_counter()
    out = np.ones(BLOCK[0] * BLOCK[1], dtype=np.float32)
    for left in range(0, len(gallery), BLOCK[1]):
        items = gallery[left : left + BLOCK[1]].astype(np.float32, copy=False)
        for top in range(0, len(queries), BLOCK[0]):
            part = queries[top : top + BLOCK[0]]
            np.matmul(part, items.T, out=out[: len(part) * len(items)].reshape(len(part), len(items)))
    return time.perf_counter() - began


def status(field: str) -> int:
    """Return a figure of this process in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def measure(path: Path, rounds: int) -> dict[str, float]:
    """Rank in this process, and return what it took."""
    from fashionbench.metrics.retrieval.rank_counting import count_ranks

    gallery = np.load(path, mmap_mode="r")
    queries, wanted = queries_of(gallery)
    counted, product = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        found = count_ranks(queries, gallery, wanted[:, None], top_k=50)
        counted.append(time.perf_counter() - began)
        product.append(bare(queries, gallery))
    exact = exact_ranks(queries[:CHECKED], gallery, wanted[:CHECKED])
    return {
        "items": len(gallery),
        "seconds": min(counted),
        "product": min(product),
        "peak": status("VmHWM"),
        "own": status("RssAnon"),
        "wrong": int((found.better[:CHECKED] + found.tied[:CHECKED] != exact).sum()),
        "first": float((found.better == 0).mean()),
    }


def exact_ranks(queries: Any, gallery: Any, wanted: Any) -> Any:
    """Count in float64 what scores above or within 1e-6 of each query's item."""
    unit = queries.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    own, above = np.empty(len(unit)), np.zeros(len(unit), dtype=np.int64)
    for query, item in enumerate(wanted):
        row = gallery[item].astype(np.float64)
        own[query] = unit[query] @ row / np.linalg.norm(row)
    for start in range(0, len(gallery), 10_000):
        items = gallery[start : start + 10_000].astype(np.float64)
        items /= np.linalg.norm(items, axis=1, keepdims=True)
        above += (unit @ items.T >= own[:, None] - 1e-6).sum(axis=1)
    return above - 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--folder",
        type=Path,
        help="where the files go, with room for 2 GB, or for 4 of float32  [default: a temporary one]",
    )
    parser.add_argument("--quick", action="store_true", help="galleries of 10,000 and 50,000 alone")
    parser.add_argument("--dtype", choices=["float16", "float32"], default="float16", help="of the files")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        rounds = 3 if len(np.load(given.measure, mmap_mode="r")) <= 100_000 else 1
        print(json.dumps(measure(given.measure, rounds)))
        return
    print(f"{QUERIES:,} queries, {DIMENSIONS} dimensions, {given.dtype} in a file")
    print(
        f"{'items':>10} {'s':>8} {'product':>8} {'ratio':>6} {'peak MiB':>9} {'own MiB':>8} {'hit@1':>6} {'wrong':>6}"
    )
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for items in QUICK if given.quick else SIZES:
            path = Path(folder) / f"{items}.npy"
            write(path, items, given.dtype)
            words = [sys.executable, __file__, "--measure", str(path)]
            done = subprocess.run(words, capture_output=True, text=True, check=True)
            row = json.loads(done.stdout)
            print(
                f"{items:>10,} {row['seconds']:>8.1f} {row['product']:>8.1f} {row['seconds'] / row['product']:>6.2f}"
                f" {row['peak'] / 2**20:>9,.0f} {row['own'] / 2**20:>8,.0f} {row['first']:>6.2f} {row['wrong']:>6}",
                flush=True,
            )
            path.unlink()


if __name__ == "__main__":
    main()
