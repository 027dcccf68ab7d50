"""Random number generator of a batch whose rows may be spread over processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class BatchRng:
    """Random draws for some rows of a batch.

    Everything is drawn for the whole batch and then taken apart, so that a row gets the same values whichever process
    has the others.

    :param generator: draws; None is torch's global one.
    :param rows: the numbers of the rows; None means all of them.
    :param batch: how many rows the whole batch has; only read with ``rows``.
    """

    generator: torch.Generator | None = None
    rows: Sequence[int] | None = None
    batch: int = 0

    def normal(self, like: Tensor) -> Tensor:
        """Draw standard normal values of a shape, whose first dimension are the rows."""
        shape = (self._count(len(like)), *like.shape[1:])
        device = self._device(like)
        return self._local(torch.randn(shape, generator=self.generator, device=device, dtype=like.dtype)).to(
            like.device
        )

    def uniform(self, shape: Sequence[int], like: Tensor) -> Tensor:
        """Draw values from [0, 1)."""
        shape = (self._count(shape[0]), *shape[1:])
        return self._local(torch.rand(shape, generator=self.generator, device=self._device(like))).to(like.device)

    def below(self, limit: int, like: Tensor) -> Tensor:
        """Draw a whole number from [0, limit) for each row."""
        count = self._count(len(like))
        drawn = torch.randint(limit, (count,), generator=self.generator, device=self._device(like))
        return self._local(drawn).to(like.device)

    def _count(self, rows: int) -> int:
        return rows if self.rows is None else self.batch

    def _local(self, drawn: Tensor) -> Tensor:
        return drawn if self.rows is None else drawn[list(self.rows)]

    def _device(self, like: Tensor) -> torch.device:
        return like.device if self.generator is None else self.generator.device


def batch_rng(generator: BatchRng | torch.Generator | None) -> BatchRng:
    """Take a generator for one that draws all rows."""
    return generator if isinstance(generator, BatchRng) else BatchRng(generator)
