"""Contrasts over all processes: what others computed, with gradients that find their way back."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALONE: ContextVar[bool] = ContextVar("alone", default=False)


class _Gather(torch.autograd.Function):
    """Concatenate tensors of all processes; backwards, add up what every process wants of ours."""

    @staticmethod
    def forward(ctx: Any, local: Tensor) -> Tensor:
        parts = [torch.empty_like(local) for _ in range(distributed.get_world_size())]
        distributed.all_gather(parts, local.contiguous())
        ctx.rows = len(local)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        summed = gradients[0].contiguous()
        distributed.all_reduce(summed)
        start = distributed.get_rank() * ctx.rows
        return summed[start : start + ctx.rows]


def everywhere(local: Tensor) -> Tensor:
    """Concatenate the rows of all processes in the order of their ranks; all have equally many rows.

    Every process then computes the same loss of all rows. Gradients of a parameter are averaged over processes
    afterwards, so that they are those of that loss computed by one process.
    """
    if not spread():
        return local
    gathered: Tensor = _Gather.apply(local)
    return gathered


@contextmanager
def alone() -> Iterator[None]:
    """Compute as if there were one process, as the main process does with held-out lessons while the others wait."""
    before = _ALONE.set(True)
    try:
        yield
    finally:
        _ALONE.reset(before)


def spread() -> bool:
    """Tell whether there are several processes."""
    if _ALONE.get():
        return False
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Return the number of this process."""
    return distributed.get_rank() if spread() else 0


def world() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if spread() else 1


def share(count: int) -> range:
    """Return the numbers of this process's rows of a batch."""
    size = count // world()
    return range(rank() * size, (rank() + 1) * size)


def summed(count: Tensor) -> Tensor:
    """Add up a count over all processes; it has no gradient."""
    if not spread():
        return count
    total = count.detach().clone()
    distributed.all_reduce(total)
    return total


def averaged(values: dict[str, float], device: torch.device) -> dict[str, float]:
    """Average figures over processes that all have the same ones."""
    if not spread():
        return values
    row = torch.tensor([values[name] for name in sorted(values)], dtype=torch.float64, device=device)
    distributed.all_reduce(row)
    return dict(zip(sorted(values), (row / world()).tolist(), strict=True))
