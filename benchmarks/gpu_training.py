"""Phases of a training, run as the trainer does: speed, and peak memory against the estimate of ``--dry-run``."""

from __future__ import annotations

import statistics
import time
import traceback
from contextlib import nullcontext
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gpu_parts import said, synchronize

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpu_setup import Bench

    from fashionbench_unifashion.training.phases.base import Phase
    from fashionbench_unifashion.training.trainer import Training

#: Steps that no time is taken of.
WARM_UP = 4


def run_phase(
    training: Training, name: str, advance: Callable[[int], object], losses: list[dict[str, float]], label: str = ""
) -> Phase:
    """Run a phase as the trainer does, in a folder of its own; ``losses`` receives those of each step."""
    from fashionbench_unifashion.training.checkpoints import PhaseFolder
    from fashionbench_unifashion.training.loop import PhaseLoop
    from fashionbench_unifashion.training.phases.registry import make_phase, train_only

    config = training.recipe.phases[name]
    phase = make_phase(name, config, training._inputs)
    phase.start()
    parameters = train_only(training.model, config)
    phase.read_images(lambda *_: None, lambda *_: None)

    def track(_step: int, values: dict[str, float]) -> None:
        if "loss" in values:
            losses.append(values)

    PhaseLoop(phase, parameters, PhaseFolder(training.out / (label or name)), training.accelerator, track).run(advance)
    phase.finish()
    return phase


def phases(bench: Bench) -> dict[str, Any]:
    """Each phase of the recipe: ms a step, examples/s, tokens/s, and peak memory against the estimate of ``--dry-run``."""
    import torch

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.dry_run import plan
    from fashionbench_unifashion.training.trainer import _deterministic

    training = bench.training("phases")
    parts = {name: sum(v.numel() for v in part.parameters()) for name, part in training.model.parts().items()}
    total = sum(value.numel() for value in training.model.parameters())
    print(f"{total / 1e6:.1f} M parameters:", ", ".join(f"{name} {count / 1e6:.1f} M" for name, count in parts.items()))
    with torch.device("meta"):
        # Of the vocabulary that was learnt, as a dry run cannot know it.
        empty = UniFashion(training.model.config)
    rows: dict[str, Any] = {}
    found = {"parameters": total, "parts": parts, "recompute": training.recipe.recompute, "phases": rows}
    # The trainer asks for sums in one order; what that costs is seen on the UNet.
    variants = [(name, name, True) for name in training.recipe.phases] + [
        ("1b-diffusion", "1b-diffusion, any order", False)
    ]
    for name, label, ordered in variants:
        config = training.recipe.phases[name]
        losses: list[dict[str, float]] = []
        clock = StepClock(bench.device, config.length(0))
        begun = time.perf_counter()
        tokens = TokenCount(training)
        try:
            with _deterministic() if ordered else nullcontext():
                phase = run_phase(training, name, clock.advance, losses, label)
        except Exception:
            rows[label] = {"error": traceback.format_exc()}
            print(f"{label} failed:\n{rows[label]['error']}")
            continue
        finally:
            tokens.close()
        step = clock.median
        planned = plan(empty, name, config, training.recipe)
        estimate = planned.weights + planned.gradients + planned.optimiser + planned.activations
        rows[label] = {
            "batch": config.batch,
            "steps": len(clock.times),
            "ms a step": step * 1e3,
            "examples/s": config.batch / step,
            "tokens/s": None if (words := tokens.per_step(phase, len(clock.times))) is None else words / step,
            "peak GiB": clock.peak / 2**30 if clock.peak else None,
            "estimate GiB": estimate / 2**30,
            "peak / estimate": clock.peak / estimate if clock.peak else None,
            "first loss": losses[0]["loss"],
            "last loss": losses[-1]["loss"],
            "seconds with set-up": time.perf_counter() - begun,
        }
        print(f"{label}: {said(rows[label])}")
        bench.keep(found)
    return found


class StepClock:
    """Takes the time of each step, and the peak memory of those after the first, which makes AdamW's averages."""

    def __init__(self, device: str, steps: int) -> None:
        self._device, self._steps = device, steps
        self.times: list[float] = []
        self.peak = 0

    def advance(self, _count: int) -> None:
        import torch

        synchronize(self._device)
        self.times.append(time.perf_counter())
        if self._device == "cpu":
            return
        if len(self.times) == 1:
            torch.cuda.reset_peak_memory_stats()
        elif len(self.times) < self._steps:  # the last step is followed by a look at the held-out examples
            self.peak = torch.cuda.max_memory_allocated()

    @property
    def median(self) -> float:
        """Seconds a step."""
        timed = self.times[WARM_UP - 1 : -1]
        return statistics.median(after - before for before, after in pairwise(timed))


class TokenCount:
    """Counts tokens of the language model, and where it is not run, word pieces of the texts; padding does not count."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._masks: list[Any] = []
        network = training.model.language.network if training.model.language is not None else None
        self._hook = network.register_forward_pre_hook(self._seen, with_kwargs=True) if network is not None else None

    def _seen(self, module: Any, arguments: Any, named: dict[str, Any]) -> None:
        import torch

        if torch.is_grad_enabled():  # not the looks at held-out examples
            self._masks.append(named["attention_mask"].detach())

    def close(self) -> None:
        if self._hook is not None:
            self._hook.remove()

    def per_step(self, phase: Phase, steps: int) -> float | None:
        if self._masks:
            return sum(float(mask.sum()) for mask in self._masks) / steps
        if phase.config.kind != "contrastive":
            return None
        texts = [example.text for step in range(steps) for example in phase.batch(step)]
        return float(self._training.model.texts(texts).mask.sum()) / steps
