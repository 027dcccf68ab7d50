"""A process that embeds a gallery of texts and ranks in it: ``FOLDER ITEMS DIMENSIONS LARGE [KILLED_AFTER [DTYPE]]``.

It prints how many items the backend was asked for, the most memory of its own, and hashes of rows and ranks; or it is
killed by itself after so many items.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np

from fashionbench.data.ground_truth import Truth
from fashionbench.data.items import TextItem
from fashionbench.metrics.retrieval.rank_counting import count_ranks
from fashionbench.runner import stored_gallery
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.session import EmbeddingOwner, Session
from fashionbench.runner.session_state import SessionResources
from fashionbench.specs import BackendSpec

SPEC = BackendSpec(id="toy/count", summary="", target="a:b", revision="1", capabilities=frozenset({"encode-text"}))


def own_memory() -> int:
    """Return the bytes of this process that are no page of a file."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


class Counting:
    """Embeds the number that a text is, counts what it is asked for, and looks at the memory."""

    def __init__(self, dimensions, killed_after=0):
        self.factors = np.sqrt(np.arange(2, dimensions + 2, dtype=np.float64))
        self.killed_after = killed_after
        self.asked, self.most = [], 0

    def fingerprint(self):
        return "1"

    def encode_texts(self, items, role):
        self.asked += [int(item.text) for item in items]
        if 0 < self.killed_after < len(self.asked):
            os.kill(os.getpid(), signal.SIGKILL)
        self.most = max(self.most, own_memory())
        return np.sin(np.array([int(item.text) for item in items])[:, None] * self.factors).astype(np.float32)


def session(backend, cache, batch_size=250, dtype="float32"):
    return Session(
        SPEC, lambda: backend, owner=EmbeddingOwner(identity=f"x of {dtype}"), seed=0, batch_size=batch_size,
        embedding_dtype=dtype, resources=SessionResources(cache=cache),
    )  # fmt: skip


def texts(count, prefix="g", start=0):
    return [TextItem(f"{prefix}{n}", str(start + n)) for n in range(count)]


def run_job(folder, *words):
    """Run this module in a process of its own, and return its exit status with what it printed."""
    words = [sys.executable, __file__, str(folder), *map(str, words)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    return made.returncode, json.loads(made.stdout or "null")


def only(folder):
    """Return the folder of the one gallery that a cache has."""
    (found,) = (folder / stored_gallery.FOLDER).iterdir()
    return found


def flip(path, at):
    """Alter a byte of a file."""
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def main(folder, count, dimensions, large, killed_after=0, dtype="float32"):
    stored_gallery.LARGE = large
    backend = Counting(dimensions, killed_after)
    gallery = texts(count)
    began = own_memory()
    with (
        closing(EmbeddingCache(Path(folder) / FILE)) as cache,
        session(backend, cache, dtype=dtype).fold(None, Truth()) as bound,
    ):
        rows = bound.embed(gallery, "candidate")
        found = count_ranks(rows[:: count // 20] + 0.1, rows, np.arange(count)[:: count // 20, None], top_k=10)
        most = max(backend.most, own_memory()) - began
        mapped = isinstance(rows, np.memmap)
        seal = hashlib.sha256(np.ascontiguousarray(rows)).hexdigest() if count < 50_000 else ""
    ranks = hashlib.sha256(found.better.tobytes() + found.top_index.tobytes() + found.top_score.tobytes()).hexdigest()
    found = {"asked": len(backend.asked), "own": most, "mapped": mapped, "rows": seal, "ranks": ranks}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:6]), *sys.argv[6:])
