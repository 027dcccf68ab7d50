"""A phase whose trained weights, gradients and optimiser states are spread over processes (FSDP2).

PyTorch's ``fully_shard`` (Zhao et al., "PyTorch FSDP", VLDB 2023) is called here and not through accelerate, which
knows it on accelerators alone and has no place for a parameter of no dimension, such as the temperature.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from fashionbench_unifashion.training.checkpoints import put
from fashionbench_unifashion.training.learner import Learner, adamw
from fashionbench_unifashion.training.memory_estimate import blocks
from fashionbench_unifashion.training.phases.base import PhaseInputs
from fashionbench_unifashion.training.weight_average import WeightAverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accelerate import Accelerator

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.phases.base import Phase


#: What AdamW keeps of a parameter that has not its shape.
_STEP = "step"


class ShardedLearner(Learner):
    """A copy of a phase, of whose trained weights each process keeps a part.

    Frozen weights are those of the phase itself, which every process holds as a whole. The phase stays as it is: it is
    what the main process measures and saves, after :meth:`collect` has given it the weights.
    """

    def __init__(self, phase: Phase, parameters: Mapping[str, nn.Parameter], accelerator: Accelerator) -> None:
        self._whole = parameters
        self.phase, self._accelerator = _copied(phase), accelerator
        frozen = {value for value in self.phase.parameters() if not value.requires_grad}
        mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
        # Both compute in the training's precision; neither is wrapped by accelerate.
        accelerator.prepare_model(phase, evaluation_mode=True)
        self._wrapped: Any = accelerator.prepare_model(self.phase, evaluation_mode=True)
        for block in blocks(self.phase.model):
            if any(value.requires_grad for value in block.parameters()):
                fully_shard(block, mesh=mesh, ignored_params=frozen)
        fully_shard(self._wrapped, mesh=mesh, ignored_params=frozen)
        named = dict(self.phase.model.named_parameters())
        self.parameters = {name: named[name] for name in parameters}
        self._optimiser = adamw(phase, self.parameters, accelerator.device)
        self._prepared = accelerator.prepare_optimizer(self._optimiser)
        self.average = WeightAverage(self.parameters, phase.config.ema)

    def _clipped(self) -> float:
        values = list(self.parameters.values())
        return float(_full(torch.nn.utils.clip_grad_norm_(values, self.phase.config.clip)))

    @torch.no_grad()
    def collect(self) -> None:
        """Gather the weights of all processes into the phase that is measured and saved."""
        for name, whole in self._whole.items():
            whole.copy_(_full(self.parameters[name].detach()).view(whole.shape))

    @torch.no_grad()
    def state(self) -> dict[str, Any]:
        """Gather what a checkpoint keeps, in the shapes of the phase itself; every process has to call it."""
        wholes = list(self._whole.values())
        optimiser = self._optimiser.state_dict()
        optimiser["state"] = {
            at: {key: _gathered(kept, wholes[at], key) for key, kept in entry.items()}
            for at, entry in optimiser["state"].items()
        }
        average = self.average.state()
        if average is not None:
            shadows = zip(average["shadow_params"], wholes, strict=True)
            average = {**average, "shadow_params": [_gathered(kept, whole) for kept, whole in shadows]}
        weights = {name: _gathered(self.parameters[name].detach(), whole) for name, whole in self._whole.items()}
        return {"weights": weights, "optimiser": optimiser, "average": average}

    def load(self, state: Mapping[str, Any], where: str) -> None:
        """Go on from a checkpoint, of which each process takes its part."""
        mine = list(self.parameters.values())
        optimiser = dict(state["optimiser"])
        optimiser["state"] = {
            at: {key: _part(kept, mine[at], key) for key, kept in entry.items()}
            for at, entry in optimiser["state"].items()
        }
        average = state.get("average")
        if average is not None:
            shadows = zip(average["shadow_params"], mine, strict=True)
            average = {**average, "shadow_params": [_part(kept, like) for kept, like in shadows]}
        put(self._whole, state["weights"], where)
        with torch.no_grad():
            for name, like in self.parameters.items():
                like.copy_(_part(self._whole[name].detach(), like))
        self._optimiser.load_state_dict(optimiser)
        self.average.load(average)


def _copied(phase: Phase) -> Phase:
    """Copy what learns of a phase's model; the rest, and what was read of images, is shared."""
    inputs = phase.inputs
    shared = [*(value for value in inputs.model.parameters() if not value.requires_grad), *inputs.model.buffers()]
    model: UniFashion = deepcopy(inputs.model, {id(value): value for value in shared})
    for module in model.modules():
        for name, value in list(module.named_parameters(recurse=False)):
            # What has no dimension cannot be divided.
            if value.requires_grad and value.dim() == 0:
                setattr(module, name, nn.Parameter(value.detach().reshape(1)))
    batches = inputs.tryon_batches
    copied = PhaseInputs(
        model,
        inputs.examples,
        inputs.feature_cache.bound_to(model),
        None if batches is None else batches.bound_to(model),
        inputs.seed,
    )
    return type(phase)(phase.name, phase.config, copied)


def _full(value: Any) -> Any:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _gathered(value: Any, whole: Tensor, key: str = "") -> Any:
    """Gather a tensor like a parameter, in the parameter's own shape, on the processor; others are as they are."""
    if key == _STEP or not isinstance(value, Tensor):
        return value
    gathered: Tensor = _full(value).view(whole.shape).cpu().clone()
    return gathered


def _part(whole: Any, like: Any, key: str = "") -> Any:
    """Return this process's part of a tensor like a parameter; others are as they are."""
    if key == _STEP or not isinstance(whole, Tensor):
        return whole
    placed = whole.to(like.device).reshape(like.shape)
    return distribute_tensor(placed, like.device_mesh, like.placements, src_data_rank=None)
