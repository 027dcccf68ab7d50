"""Training loop of a phase: AdamW through accelerate, with checkpoints from which it resumes to the same weights."""

from __future__ import annotations

import gc
import math
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch

from fashionbench.errors import BackendError, ConfigError
from fashionbench.progress import EARLIER
from fashionbench.runner.memory import peak_memory
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.distributed import all_reduce_mean, all_reduce_sum, single_process
from fashionbench_unifashion.training.learner import Learner
from fashionbench_unifashion.training.step_dataset import step_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accelerate import Accelerator
    from torch import nn

    from fashionbench_unifashion.training.checkpoints import PhaseFolder
    from fashionbench_unifashion.training.phases.base import Phase
    from fashionbench_unifashion.training.recipe import PhaseConfig
    from fashionbench_unifashion.training.step_dataset import StepPart


class Best(NamedTuple):
    """The best held-out score so far, and after how many steps it was measured."""

    score: float = -math.inf
    step: int = 0
    misses: int = 0
    """Looks since then that found nothing better."""


@contextmanager
def _older_objects_apart() -> Iterator[None]:
    """Let collections of garbage look at what is made here alone.

    Accelerate collects when it frees memory after a phase, and the modules of torch and transformers are a million
    objects, which takes longer than a short phase.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class PhaseLoop:
    """Runs one phase.

    Every random choice of a step is drawn from seed, phase and step, so no random state has to be kept.

    :param parameters: what learns, by name.
    :param track: called with the step, and losses and figures by name, on the main process.
    :param workers: processes that decode images ahead of the steps.
    :param fsdp: spread trained weights, gradients and optimiser over the processes.
    """

    def __init__(
        self,
        phase: Phase,
        parameters: dict[str, nn.Parameter],
        folder: PhaseFolder,
        accelerator: Accelerator,
        track: Callable[[int, dict[str, float]], object],
        workers: int = 0,
        *,
        fsdp: bool = False,
    ) -> None:
        self._phase, self._parameters, self._workers, self._fsdp = phase, parameters, workers, fsdp
        self._folder, self._accelerator, self._track = folder, accelerator, track
        self.steps = phase.steps

    @_older_objects_apart()
    def run(self, advance: Callable[..., object]) -> dict[str, float]:
        """Train, give the model the best weights, and return the figures.

        :raises BackendError: where a loss or a held-out score is not finite.
        :raises ConfigError: where it was begun with another number of processes.
        """
        config, accelerator = self._phase.config, self._accelerator
        learner = self._learner()
        state = self._folder.load()
        start, best, spent = 0, Best(), 0.0
        if state is not None:
            self._require_as_many(int(state.get("processes", accelerator.num_processes)))
            if accelerator.is_main_process:
                self._phase.begin_drift()
            learner.load(state, str(self._folder.root))
            if accelerator.scaler is not None and "loss scale" in state:
                accelerator.scaler.load_state_dict(state["loss scale"])
            start, spent = state["step"], state["seconds"]
            best = Best(state["best"], state.get("best step", -1), state.get("misses", 0))
            advance(start, EARLIER)
        began = time.perf_counter() - spent
        if start == 0:
            best = self._evaluate(0, best)
        learner.phase.train()
        done = start
        parts = step_parts(learner.phase, start, self._workers)
        for step in range(start, self.steps):
            if self._out_of_patience(best):
                break
            began_step = time.perf_counter()
            values = self._step(step, parts, learner)
            if accelerator.is_main_process:
                self._track(step + 1, values | self._clock(time.perf_counter() - began_step))
            if (step + 1) % config.evaluate_every == 0 or step + 1 == self.steps:
                with learner.average.applied():
                    learner.collect()
                    best = self._evaluate(step + 1, best)
            if (step + 1) % config.checkpoint_every == 0 and step + 1 < self.steps:
                self._checkpoint(step + 1, best, time.perf_counter() - began, learner)
            done = step + 1
            advance(1)
        accelerator.wait_for_everyone()
        self._folder.restore(self._parameters, "best")
        accelerator.free_memory()
        return {
            "best": best.score,
            "best step": float(best.step),
            "seconds": time.perf_counter() - began,
            "steps": float(done),
        }

    def _learner(self) -> Learner:
        if not self._fsdp:
            return Learner(self._phase, self._parameters, self._accelerator)
        from fashionbench_unifashion.training.sharded_learner import ShardedLearner  # noqa: PLC0415  # a second

        return ShardedLearner(self._phase, self._parameters, self._accelerator)

    def _require_as_many(self, before: int) -> None:
        """Refuse to go on with another number of processes, which draw what drops out otherwise.

        :raises ConfigError: naming both numbers.
        """
        now = self._accelerator.num_processes
        if now != before:
            msg = f"phase {self._phase.name} was begun with {before} processes, and would go on with {now}"
            raise ConfigError(msg, remedy="go on with as many, or begin in another folder")

    def _out_of_patience(self, best: Best) -> bool:
        """Tell whether the phase ends early, alike on every process: the main process alone measures."""
        patience = self._phase.config.patience
        if patience is None:
            return False
        waited = torch.tensor(best.misses, device=self._accelerator.device)
        return int(all_reduce_sum(waited)) >= patience

    def _clock(self, seconds: float) -> dict[str, float]:
        """Return pace and peak memory, which two runs of one training do not share."""
        device = self._accelerator.device
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else peak_memory()
        memory = {} if peak is None else {"clock/peak memory MiB": peak / 2**20}
        return {"clock/examples per s": self._phase.config.batch / seconds, **memory}

    def _step(self, step: int, parts: Iterator[StepPart], learner: Learner) -> dict[str, float]:
        phase, config = learner.phase, learner.phase.config
        phase.begin_step(step)
        if phase is not self._phase:
            self._phase.begin_step(step)
        values: dict[str, float] = {}
        for _ in range(config.accumulate):
            part = next(parts)
            # Dropout draws from torch's own generator, apart for each process.
            torch.manual_seed(number(part.seed, self._accelerator.process_index))
            with phase.using(part.decoded):
                losses = learner.losses(part.examples, part.seed)
            loss = phase.total(losses) / config.accumulate
            learner.backward(loss)
            for name, value in {**losses, "loss": loss * config.accumulate}.items():
                values[name] = values.get(name, 0.0) + float(value.detach()) / config.accumulate
        lr = rate(step, self.steps, config)
        norm = learner.update(lr)
        values = all_reduce_mean(values, self._accelerator.device)
        return {**values, "lr": lr, "gradient": norm}

    def _evaluate(self, step: int, best: Best) -> Best:
        """Measure on held-out examples, and keep the weights where they are the best so far, or the last."""
        if not self._accelerator.is_main_process:
            return best
        # Before the first step, no learning rate is to blame.
        remedy = "lower the learning rate" if step else "look at the pretrained weights: nothing was learnt yet"
        try:
            with single_process():
                figures = self._phase.measure()
                drift = dict(self._phase.drift())
        except BackendError as error:
            msg = f"phase {self._phase.name}, step {step}: {error.message}"
            raise BackendError(msg, remedy=remedy) from error
        if not math.isfinite(figures["score"]):
            msg = f"phase {self._phase.name}: the held-out score of step {step} is {figures['score']}"
            raise BackendError(msg, remedy=remedy)
        self._track(step, {f"held/{name}": value for name, value in figures.items()} | drift)
        if figures["score"] > best.score or self._phase.config.keep == "last":
            self._folder.keep_best(self._parameters)
            return Best(figures["score"], step)
        return best._replace(misses=best.misses + 1)

    def _checkpoint(self, step: int, best: Best, seconds: float, learner: Learner) -> None:
        main, scaler = self._accelerator.is_main_process, self._accelerator.scaler
        if not main and not self._fsdp:
            return
        learnt = learner.state()
        if not main:
            return
        state = {
            "step": step,
            "best": best.score,
            "best step": best.step,
            "misses": best.misses,
            "processes": self._accelerator.num_processes,
            # Of half precision: with another one, steps are left out until it is found again.
            **({"loss scale": scaler.state_dict()} if scaler is not None else {}),
            "seconds": seconds,
        }
        self._folder.save(state | learnt)


def rate(step: int, steps: int, phase: PhaseConfig) -> float:
    """Return the learning rate of a step: a linear rise, then a half cosine to zero, or constant."""
    rise = max(1, round(phase.warmup * steps))
    if step < rise:
        return phase.lr * (step + 1) / rise
    if phase.schedule == "constant":
        return phase.lr
    return phase.lr * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))
