"""Batch sampler: the examples of a step as a function of seed, phase and step, to resume anywhere."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

import torch

from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

L = TypeVar("L")


def number(*parts: object) -> int:
    """Hash parts to a seed below 2^62, the same on every machine."""
    return seed_of(*parts, bits=62, separator="/")


@lru_cache(maxsize=2)  # a step that ends a pass begins the next one
def order(count: int, seed: int, phase: str, epoch: int) -> tuple[int, ...]:
    """Shuffle examples for one pass."""
    draw = torch.Generator().manual_seed(number(seed, phase, "epoch", epoch))
    return tuple(torch.randperm(count, generator=draw).tolist())


def batch_of(examples: Sequence[L], step: int, size: int, seed: int, phase: str) -> list[L]:
    """Return the examples of a step; a pass that ends within a batch is followed by the next one.

    :param step: from 0.
    """
    chosen: list[L] = []
    at = step * size
    while len(chosen) < size:
        epoch, place = divmod(at, len(examples))
        row = order(len(examples), seed, phase, epoch)[place : place + size - len(chosen)]
        chosen += [examples[index] for index in row]
        at += len(row)
    return chosen
