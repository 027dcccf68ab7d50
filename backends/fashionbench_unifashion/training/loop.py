"""One phase: steps of AdamW through accelerate, with checkpoints from which it goes on to the same weights."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.errors import BackendError
from fashionbench_unifashion.losses import losses
from fashionbench_unifashion.training.batch_sampler import batch_of, number
from fashionbench_unifashion.training.checkpoints import put
from fashionbench_unifashion.training.distributed import all_reduce_mean, single_process
from fashionbench_unifashion.training.validation import Dynamics, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from accelerate import Accelerator
    from torch import Tensor, nn

    from fashionbench_unifashion.training.checkpoints import PhaseFolder
    from fashionbench_unifashion.training.examples import TrainingExamples
    from fashionbench_unifashion.training.feature_cache import ImageFeatureCache
    from fashionbench_unifashion.training.objective import Objective
    from fashionbench_unifashion.training.recipe import PhaseConfig


class PhaseLoop:
    """Runs one phase.

    Every random choice of a step is drawn from seed, phase and step, so no random state has to be kept.

    :param parameters: what learns, by name.
    :param examples: what is learnt from, of the sort that the phase needs.
    :param track: called with the step, and losses and figures by name, on the main process.
    """

    def __init__(
        self,
        name: str,
        phase: PhaseConfig,
        objective: Objective,
        parameters: dict[str, nn.Parameter],
        examples: Sequence[Any],
        every: TrainingExamples,
        feature_cache: ImageFeatureCache,
        folder: PhaseFolder,
        accelerator: Accelerator,
        seed: int,
        track: Callable[[int, dict[str, float]], object],
    ) -> None:
        self._name, self._phase, self._objective = name, phase, objective
        self._parameters, self._examples, self._every, self._feature_cache = parameters, examples, every, feature_cache
        self._folder, self._accelerator, self._seed, self._track = folder, accelerator, seed, track
        self.steps = phase.length(len(examples))

    def run(self, advance: Callable[[int], object]) -> dict[str, float]:
        """Train, give the model the best weights, and return the figures.

        :raises BackendError: where a loss or a held-out score is not finite.
        """
        phase, accelerator = self._phase, self._accelerator
        optimiser: Any = torch.optim.AdamW(
            list(self._parameters.values()), lr=phase.lr, betas=phase.betas, weight_decay=phase.weight_decay
        )
        wrapped, prepared = accelerator.prepare(self._objective, optimiser)
        dynamics = (
            Dynamics(self._objective, self._every.held_triplets, self._feature_cache)
            if phase.kind == "composed"
            else None
        )
        state = self._folder.load()
        start, best, spent = 0, -math.inf, 0.0
        if state is not None:
            if dynamics is not None and accelerator.is_main_process:
                dynamics.begin()
            put(self._parameters, state["weights"], str(self._folder.root))
            optimiser.load_state_dict(state["optimiser"])
            start, best, spent = state["step"], state["best"], state["seconds"]
            advance(start)
        began = time.perf_counter() - spent
        if start == 0:
            best = self._look(0, best, dynamics)
        self._objective.train()
        for step in range(start, self.steps):
            values = self._step(step, wrapped, prepared)
            if accelerator.is_main_process:
                self._track(step + 1, values)
            if (step + 1) % phase.evaluate_every == 0 or step + 1 == self.steps:
                best = self._look(step + 1, best, dynamics)
            if (step + 1) % phase.checkpoint_every == 0 and step + 1 < self.steps and accelerator.is_main_process:
                self._folder.save(self._state(step + 1, best, time.perf_counter() - began, optimiser))
            advance(1)
        accelerator.wait_for_everyone()
        self._folder.restore(self._parameters, "best")
        accelerator.free_memory()
        return {"best": best, "seconds": time.perf_counter() - began, "steps": float(self.steps)}

    def _step(self, step: int, wrapped: Any, optimiser: Any) -> dict[str, float]:
        phase = self._phase
        lr = rate(step, self.steps, phase)
        for group in optimiser.param_groups:
            group["lr"] = lr
        batch = batch_of(self._examples, step, phase.batch, self._seed, self._name)
        size = phase.batch // phase.accumulate
        values: dict[str, float] = {}
        for part in range(phase.accumulate):
            chosen = batch[part * size : (part + 1) * size]
            # Dropout draws from torch's own generator, apart for each process.
            seed = number(self._seed, self._name, step, part)
            torch.manual_seed(number(seed, self._accelerator.process_index))
            found = wrapped(chosen, seed)
            loss = self._total(found) / phase.accumulate
            self._accelerator.backward(loss)
            for name, value in {**found, "loss": loss * phase.accumulate}.items():
                values[name] = values.get(name, 0.0) + float(value.detach()) / phase.accumulate
        norm = self._accelerator.clip_grad_norm_(list(self._parameters.values()), phase.clip)
        optimiser.step()
        optimiser.zero_grad()
        values = all_reduce_mean(values, self._accelerator.device)
        return {**values, "lr": lr, "gradient": float(norm) if norm is not None else 0.0}

    def _total(self, found: dict[str, Tensor]) -> Tensor:
        parts = {name: value for name, value in found.items() if not name.startswith("replay")}
        added = losses.total(parts, self._phase.weights)
        again = [value for name, value in found.items() if name.startswith("replay")]
        return added + self._phase.replay * torch.stack(again).sum() if again else added

    def _look(self, step: int, best: float, dynamics: Dynamics | None) -> float:
        """Measure on what is held out, and keep the weights where they are the best so far."""
        if not self._accelerator.is_main_process:
            return best
        with single_process():
            found = measure(self._objective, self._phase, self._every, self._feature_cache, self._seed)
            drift = dict(dynamics()) if dynamics is not None else {}
        if not math.isfinite(found["score"]):
            msg = f"phase {self._name}: the held-out score of step {step} is {found['score']}"
            raise BackendError(msg, remedy="lower the learning rate")
        self._track(step, {f"held/{name}": value for name, value in found.items()} | drift)
        if found["score"] > best:
            self._folder.keep_best(self._parameters)
            return found["score"]
        return best

    def _state(self, step: int, best: float, seconds: float, optimiser: Any) -> dict[str, Any]:
        weights = {name: value.detach().cpu().clone() for name, value in self._parameters.items()}
        return {
            "step": step,
            "best": best,
            "seconds": seconds,
            "weights": weights,
            "optimiser": optimiser.state_dict(),
        }


def rate(step: int, steps: int, phase: PhaseConfig) -> float:
    """Return the learning rate of a step: a linear rise, then a half cosine to zero, or constant."""
    rise = max(1, round(phase.warmup * steps))
    if step < rise:
        return phase.lr * (step + 1) / rise
    if phase.schedule == "constant":
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
