"""Memory estimate of a phase's activations, counted without computing anything.

The model is on torch's meta device, where tensors have shapes and no values. A forward pass of the parts that a phase
runs with gradients notes what autograd would keep for the backward pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from fashionbench_unifashion.training.phases.registry import PHASES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.recipe import PhaseConfig, Recipe


def activations(model: UniFashion, phase: PhaseConfig, recipe: Recipe, processes: int = 1) -> int:
    """Estimate what autograd keeps in a forward pass of one part of a batch, in bytes.

    The rule: the bytes of all tensors that are saved for the backward pass of one example, weights apart, times the
    examples of a part on one process; in mixed precision two bytes a value. Where activations are recomputed, a block
    that is keeps its input alone, and the largest one of them is there in whole once. Attention keeps what a fused
    kernel does: queries, keys, values and the result, and not the weights. What is not counted: temporary memory of
    kernels and allocators, other processes' rows, and the passes without gradients. Take it as right within a factor of
    two.

    :param model: on the meta device, with gradients on for what learns in the phase; texts are taken as long as the
        Q-Former reads them.
    :param processes: that share a batch.
    """
    rows = max(1, phase.batch // phase.accumulate // processes)
    count = _Count(model, recompute=recipe.recompute, widest=8 if recipe.precision == "no" else 2)
    with torch.device("meta"), _FusedAttention():
        for times, run in PHASES[phase.kind].memory_passes(model, phase, rows):
            count.add(times, run)
    return count.total


class _FusedAttention(TorchFunctionMode):
    """Puts what a fused kernel keeps in the place of PyTorch's plain attention, which is what the meta device has."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.nn.functional.scaled_dot_product_attention:
            named = {name: kwargs[name] for name in ("query", "key", "value") if name in (kwargs or {})}
            return _Attended.apply(*args[:3], *named.values())
        return func(*args, **(kwargs or {}))


class _Attended(torch.autograd.Function):
    """The shape of an attention, and what is kept of it."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        attended = query.new_empty(*query.shape[:-1], value.shape[-1])
        ctx.save_for_backward(query, key, value, attended)
        return attended

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        query, key, value, _attended = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


class _Count:
    """Adds up what passes save.

    :param recompute: whether blocks that can be recomputed are.
    :param widest: bytes of a value at most.
    """

    def __init__(self, model: UniFashion, *, recompute: bool, widest: int) -> None:
        self.total = 0
        self._widest = widest
        self._weights = {id(value) for value in (*model.parameters(), *model.buffers())}
        self._blocks = blocks(model) if recompute else []

    def add(self, times: int, run: Callable[[], object]) -> None:
        """Count a pass of one example so many times."""
        saved: dict[int, int] = {}
        inputs: dict[int, int] = {}
        running: list[int] = []

        def pack(value: Tensor) -> Tensor:
            if id(value) not in self._weights and (value._base is None or id(value._base) not in self._weights):  # noqa: SLF001
                where = running[-1] if running else -1
                saved[where] = saved.get(where, 0) + self._bytes(value)
            return value

        def enter(module: nn.Module, arguments: Any, named: Any) -> None:
            tensors = [x for x in (*arguments, *named.values()) if isinstance(x, Tensor) and x.is_floating_point()]
            inputs[id(module)] = sum(map(self._bytes, tensors[:1]))
            running.append(id(module))

        def leave(_module: nn.Module, _arguments: Any, _result: Any) -> None:
            running.pop()

        hooks = [block.register_forward_pre_hook(enter, with_kwargs=True) for block in self._blocks]
        hooks += [block.register_forward_hook(leave) for block in self._blocks]
        try:
            with torch.autograd.graph.saved_tensors_hooks(pack, lambda value: value):
                run()
        finally:
            for hook in hooks:
                hook.remove()
        whole = saved.pop(-1, 0) + sum(inputs.values())
        self.total += times * (whole + max(saved.values(), default=0))

    def _bytes(self, value: Tensor) -> int:
        return value.numel() * min(value.element_size(), self._widest)


def blocks(model: UniFashion) -> list[nn.Module]:
    """List the blocks whose activations are recomputed (:meth:`UniFashion.recompute`)."""
    layers: list[nn.Module] = list(model.qformer.transformer.encoder.layer)
    if model.language is not None:
        layers += [m for m in model.language.network.modules() if type(m).__name__.endswith("DecoderLayer")]
    if model.diffusion is not None:
        unets: list[Any] = [model.diffusion.unet, model.diffusion.control]
        layers += [block for unet in unets if unet is not None for block in unet.down_blocks]
    return layers
