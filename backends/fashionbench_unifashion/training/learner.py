"""What the steps of a phase are computed with: a model, its optimiser, and what a checkpoint keeps of both."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from fashionbench_unifashion.training.checkpoints import put
from fashionbench_unifashion.training.weight_average import WeightAverage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from accelerate import Accelerator
    from torch import Tensor, nn

    from fashionbench_unifashion.training.phases.base import Phase


class Learner:
    """A phase in one process, or in several that each hold the whole model (DistributedDataParallel).

    :param parameters: what learns, by name.
    """

    def __init__(self, phase: Phase, parameters: Mapping[str, nn.Parameter], accelerator: Accelerator) -> None:
        self.phase, self.parameters, self._accelerator = phase, parameters, accelerator
        optimiser = adamw(phase, parameters, accelerator.device)
        self._wrapped, self._prepared = accelerator.prepare(phase, optimiser)
        self._optimiser: Any = optimiser
        self.average = WeightAverage(parameters, phase.config.ema)

    def losses(self, examples: list[Any], seed: int) -> dict[str, Tensor]:
        """Compute the losses of a batch by name."""
        computed: dict[str, Tensor] = self._wrapped(examples, seed)
        return computed

    def backward(self, loss: Tensor) -> None:
        """Compute gradients, of a scaled loss in half precision.

        accelerate's own method looks for a package in every step, which takes a tenth of a small one.
        """
        scaler = self._accelerator.scaler
        (loss if scaler is None else scaler.scale(loss)).backward()

    def update(self, rate: float) -> float:
        """Take a step by the gradients, and drop them; return their norm before it was clipped.

        :param rate: the learning rate.
        """
        # accelerate's takes gradients of a scaled loss, and leaves out a step where one of them is not finite.
        optimiser = self._optimiser if self._accelerator.scaler is None else self._prepared
        for group in optimiser.param_groups:
            group["lr"] = rate
        norm = self._clipped()
        optimiser.step()
        optimiser.zero_grad()
        self.average.update()
        return norm

    def _clipped(self) -> float:
        values, most = list(self.parameters.values()), self.phase.config.clip
        if self._accelerator.scaler is None:
            return float(torch.nn.utils.clip_grad_norm_(values, most))
        norm = self._accelerator.clip_grad_norm_(values, most)
        return float(norm) if norm is not None else 0.0

    def collect(self) -> None:
        """Give the model that is measured and saved the weights of this one; here they are the same."""

    def state(self) -> dict[str, Any]:
        """Return the weights, and what optimiser and average keep, as one process has them."""
        return {
            "weights": {name: value.detach().cpu().clone() for name, value in self.parameters.items()},
            "optimiser": self._optimiser.state_dict(),
            "average": self.average.state(),
        }

    def load(self, state: Mapping[str, Any], where: str) -> None:
        """Go on from what :meth:`state` returned.

        :raises DataError: where it is of other parameters.
        """
        put(self.parameters, state["weights"], where)
        self._optimiser.load_state_dict(state["optimiser"])
        self.average.load(state.get("average"))


def adamw(phase: Phase, parameters: Mapping[str, nn.Parameter], device: torch.device) -> torch.optim.AdamW:
    """Make the optimiser that a phase's configuration asks for."""
    config = phase.config
    return torch.optim.AdamW(
        list(parameters.values()),
        lr=config.lr,
        betas=config.betas,
        weight_decay=config.weight_decay,
        # On a processor one kernel for all takes a fifth of the time of one operation a parameter.
        fused=device.type == "cpu",
    )
