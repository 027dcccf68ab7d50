"""Distributed training: gather with gradients, rows of a rank, and sums over processes."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SINGLE_PROCESS: ContextVar[bool] = ContextVar("single_process", default=False)


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


def all_gather(local: Tensor) -> Tensor:
    """Concatenate the rows of all processes in the order of their ranks; all have equally many rows.

    Every process then computes the same loss of all rows. Gradients of a parameter are averaged over processes
    afterwards, so that they are those of that loss computed by one process.
    """
    if not is_distributed():
        return local
    gathered: Tensor = _Gather.apply(local)
    return gathered


@contextmanager
def single_process() -> Iterator[None]:
    """Compute as if there were one process, as the main process does with held-out examples while the others wait."""
    before = _SINGLE_PROCESS.set(True)
    try:
        yield
    finally:
        _SINGLE_PROCESS.reset(before)


def is_distributed() -> bool:
    """Tell whether there are several processes."""
    if _SINGLE_PROCESS.get():
        return False
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def rank() -> int:
    """Return the number of this process."""
    return distributed.get_rank() if is_distributed() else 0


def world_size() -> int:
    """Return the number of processes."""
    return distributed.get_world_size() if is_distributed() else 1


def rank_rows(count: int) -> range:
    """Return the numbers of this process's rows of a batch."""
    size = count // world_size()
    return range(rank() * size, (rank() + 1) * size)


@contextmanager
def lost_processes_named() -> Iterator[None]:
    """Say in one message that another process is gone, where a collective call fails because of it.

    :raises BackendError: in the place of what the backend of torch.distributed raises.
    """
    try:
        yield
    except RuntimeError as error:
        # Gloo raises no class of its own.
        gone = isinstance(error, distributed.DistError) or "Connection closed by peer" in str(error)
        if not is_distributed() or not (gone or "Connection reset by peer" in str(error)):
            raise
        msg = f"another process of this training is gone, so process {distributed.get_rank()} ends too"
        remedy = "see what that process said; the same command goes on from the last checkpoint"
        raise BackendError(msg, remedy=remedy) from error


def same_work(value: str) -> bool:
    """Tell whether there are several processes that all give the same value, and can share work; each has to ask."""
    if not is_distributed():
        return False
    values: list[str | None] = [None] * world_size()
    distributed.all_gather_object(values, value)
    return len(set(values)) == 1


def own_part(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """Return this process's part of shared work; of fewer parts than processes, some are done twice."""
    return parts[rank() % len(parts)]


def all_gather_parts(local: Tensor, parts: Sequence[Sequence[str]]) -> list[tuple[Sequence[str], Tensor]]:
    """Return each part with the rows that its process made, without gradients; parts may have unequal lengths.

    :param local: [n, ...], the rows of :func:`own_part`.
    :param parts: at most as many as there are processes, none of them empty.
    """
    most = max(map(len, parts))
    rows = torch.cat([local, local[:1].expand(most - len(local), *local.shape[1:])]).contiguous()
    made = [torch.empty_like(rows) for _ in range(world_size())]
    distributed.all_gather(made, rows)
    return [(part, rows[: len(part)]) for part, rows in zip(parts, made, strict=False)]


def all_reduce_sum(count: Tensor) -> Tensor:
    """Add up a count over all processes; it has no gradient."""
    if not is_distributed():
        return count
    total = count.detach().clone()
    distributed.all_reduce(total)
    return total


def all_reduce_mean(values: dict[str, float], device: torch.device) -> dict[str, float]:
    """Average figures over processes that all have the same ones."""
    if not is_distributed():
        return values
    row = torch.tensor([values[name] for name in sorted(values)], dtype=torch.float64, device=device)
    distributed.all_reduce(row)
    return dict(zip(sorted(values), (row / world_size()).tolist(), strict=True))
