"""Blocks of a score matrix, the next one computed by a second thread while a caller works on the one before it."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class _Scores(Protocol):
    def fill(self, start: int, stop: int, out: NDArray[np.float32]) -> None:
        """Write the scores of some queries with the gallery block that is loaded."""


class ScoreBlocks:
    """The blocks of all queries with one block of a gallery, in the order of the queries.

    A product needs the processor that counting leaves idle, for it takes most of the time and NumPy counts with one
    thread. With ``OMP_NUM_THREADS=1`` there is one thread alone, as there is for a single block.

    :param queries: how many there are, of which a block has ``step``.
    :param width: of the widest gallery block.
    """

    def __init__(self, scores: _Scores, queries: int, step: int, width: int) -> None:
        self._scores = scores
        self._ranges = [(top, min(top + step, queries)) for top in range(0, queries, step)]
        self._ahead = len(self._ranges) > 1 and os.environ.get("OMP_NUM_THREADS") != "1"
        size = min(step, queries) * width
        self._buffers = [np.empty(size, dtype=np.float32) for _ in range(1 + self._ahead)]

    def filled(self, width: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the first query of each block and its scores [B, width], which hold until the next one is asked for."""
        if not self._ahead:
            for number, (top, _) in enumerate(self._ranges):
                yield top, self._fill(number, width)
            return
        with ThreadPoolExecutor(max_workers=1) as thread:
            waiting = thread.submit(self._fill, 0, width)
            for number, (top, _) in enumerate(self._ranges):
                block = waiting.result()
                if number + 1 < len(self._ranges):
                    waiting = thread.submit(self._fill, number + 1, width)
                yield top, block

    def _fill(self, number: int, width: int) -> NDArray[np.float32]:
        top, bottom = self._ranges[number]
        buffer = self._buffers[number % len(self._buffers)]
        block = buffer[: (bottom - top) * width].reshape(bottom - top, width)
        self._scores.fill(top, bottom, block)
        return block
