"""Random generator keyed by a seed and a name: independent of the order of work, the process and numpy's version."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

T = TypeVar("T")


class Rng:
    """A stream of random choices for one item.

    Every choice is made from ``random.Random.random``, whose stream Python documents as reproducible for a given seed;
    the other methods of that class, and numpy's distributions, may change between versions.

    :param seed: seed of the world.
    :param key: what the stream is for, such as ``("product", 17)``; streams of different keys are independent.
    """

    __slots__ = ("_next",)

    def __init__(self, seed: int, *key: str | int) -> None:
        # Not for secrets: what counts is that the stream is documented.
        self._next = random.Random(seed_of(seed, *key, bits=128, separator="\x1f")).random  # noqa: S311

    def chance(self, probability: float) -> bool:
        """Return True with this probability."""
        return self._next() < probability

    def between(self, low: float, high: float) -> float:
        """Draw a number uniformly from ``[low, high)``."""
        return low + (high - low) * self._next()

    def below(self, count: int) -> int:
        """Draw an integer from 0 to ``count - 1``."""
        return int(self._next() * count)

    def around(self, centre: float, spread: float) -> float:
        """Draw from a bell shape around ``centre`` that never leaves ``centre ± 3 spread`` (mean of four uniforms)."""
        return centre + spread * 1.5 * (sum(self._next() for _ in range(4)) - 2.0)

    def pick(self, options: Sequence[T]) -> T:
        """Draw one of the options, all equally likely."""
        return options[int(self._next() * len(options))]

    def weighted(self, weights: Mapping[T, float]) -> T:
        """Draw one of the keys with probability proportional to its weight."""
        remaining = self._next() * sum(weights.values())
        for option, weight in weights.items():
            remaining -= weight
            if remaining < 0:
                return option
        return option

    def sample(self, options: Sequence[T], count: int) -> list[T]:
        """Draw ``count`` different options, or all of them where there are fewer, in random order."""
        left = list(options)
        return [left.pop(int(self._next() * len(left))) for _ in range(min(count, len(left)))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Return the options in random order."""
        return self.sample(options, len(options))

    def grid(self, rows: int, columns: int) -> NDArray[np.float32]:
        """Draw a grid of numbers, uniform in [0, 1): float32 [rows, columns]."""
        return np.array([self._next() for _ in range(rows * columns)], dtype=np.float32).reshape(rows, columns)
