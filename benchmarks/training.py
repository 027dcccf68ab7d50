"""A step of each phase of UniFashion's trainer against a bare loop over the same modules and the same tensors.

The trainer runs as ``fashionbench train`` runs it: examples drawn and read through its loader, accelerate, clipped
gradients, AdamW, figures of each step to a log and to TensorBoard; what comes once in many steps, checkpoints and
held-out measures, is left out of both. The bare loop is given tokens, pixels and ids that were made before, and calls the
same networks and losses, ``backward``, ``clip_grad_norm_`` and ``step``. Both begin with the same weights and see the
same batches, so their losses must be equal. They take turns in one process, and a step is the median of a turn, of
which the best turn counts. Goal: the trainer does at least 0.95 times as many examples a CPU second.

    python benchmarks/training.py --twin data/atelier            unifashion-tiny
    python benchmarks/training.py --quick                        to see that it runs

Peak memory is that of the process, reset before each turn, which Linux alone can do.
"""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # CPU time of threads that wait for each other says nothing
os.environ |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.training.contract import TrainingContext
from fashionbench.training.open_part import open_part
from fashionbench_unifashion.training.batch_sampler import number
from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.experiment_log import ExperimentLog
from fashionbench_unifashion.training.loop import Best, PhaseLoop, rate
from fashionbench_unifashion.training.phases.base import PhaseInputs
from fashionbench_unifashion.training.phases.registry import make_phase, train_only
from fashionbench_unifashion.training.recipe import load_recipe
from fashionbench_unifashion.training.trainer import Training, _deterministic

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench_unifashion.training.recipe import PhaseConfig

PHASES = ("vae", "1a", "1b-language", "1b-diffusion", "2", "try-on")
#: Steps of each turn that no time is taken of.
WARM_UP = 2
GOAL = 0.95


@dataclass
class Turn:
    """What was measured of some steps."""

    losses: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: float | None = None

    def step(self) -> tuple[float, float]:
        """Return the median CPU and wall seconds of a step."""
        return statistics.median(self.cpu[WARM_UP:]), statistics.median(self.wall[WARM_UP:])


class Clock:
    """Notes how long it is since it was last asked."""

    def __init__(self, turn: Turn) -> None:
        self._turn, self._at = turn, (time.process_time(), time.perf_counter())

    def tick(self) -> None:
        now = (time.process_time(), time.perf_counter())
        self._turn.cpu.append(now[0] - self._at[0])
        self._turn.wall.append(now[1] - self._at[1])
        self._at = now


class Made:
    """Remembers what a function returned for the same arguments, and how far it moved a generator of random numbers."""

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._kept: dict[str, tuple[Any, Any]] = {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        generators = [value.generator for value in given if hasattr(value, "generator")]
        key = repr([value for value in given if not hasattr(value, "generator")]) + repr(named)
        key += "".join(str(generator.initial_seed()) for generator in generators)
        if key not in self._kept:
            made = self._make(*given, **named)
            self._kept[key] = (made, [generator.get_state() for generator in generators])
        made, states = self._kept[key]
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
        return made


class MadeTokens:
    """Tokens and pixels that were stacked before; only the layer norm, which learns, is computed."""

    def __init__(self, training: Training) -> None:
        cache = training.feature_cache
        self._normalise = training.model.vision.normalise
        self._stacked = Made(lambda names: torch.stack([cache._tokens[name].float() for name in names]))
        self.pixels = Made(cache.pixels)

    def tokens(self, names: list[str]) -> torch.Tensor:
        return self._normalise(self._stacked(names))


class MadeBatches:
    """Try-on batches that were made before, as the trainer's batches are asked for them."""

    def __init__(self, training: Training) -> None:
        batches = training.tryon_batches
        assert batches is not None
        self.batch, self.vae_images, self.states = Made(batches.batch), Made(batches.vae_images), batches.states


def reset_peak() -> None:
    gc.collect()
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def peak() -> float | None:
    """Return the largest resident size since the last reset in MiB."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)


def trained(training: Training, name: str, config: PhaseConfig, folder: Path) -> Turn:
    """Take the steps as the trainer does."""
    turn = Turn()
    phase = make_phase(name, config, training._inputs)
    parameters = train_only(training.model, config)
    log = ExperimentLog(folder, main=True)
    told = log.phase(name, PhaseFolder(folder))

    def track(step: int, values: dict[str, float]) -> None:
        told(step, values)
        if "loss" in values:
            turn.losses.append(values["loss"])

    reset_peak()
    with log:
        clock: list[Clock] = []
        loop = PhaseLoop(phase, parameters, PhaseFolder(folder / "phase"), training.accelerator, track)

        def begin(_step: int, best: Best) -> Best:
            # In the place of a measure of held-out examples, which is no part of a step.
            if not clock:
                clock.append(Clock(turn))
            return best

        loop._evaluate = begin
        loop._folder.keep_best(parameters)
        loop.run(lambda *_: clock[0].tick())
    turn.peak = peak()
    return turn


def bare(training: Training, name: str, config: PhaseConfig, inputs: PhaseInputs) -> Turn:
    """Take the steps without the trainer."""
    turn = Turn()
    phase = make_phase(name, config, inputs)
    learning = list(train_only(training.model, config).values())
    batches = [phase.batch(step) for step in range(phase.steps)]
    texts, made_texts = training.model.texts, inputs.feature_cache.texts  # type: ignore[attr-defined]
    training.model.texts = made_texts
    language, made_ids = training.model.language, inputs.feature_cache.ids  # type: ignore[attr-defined]
    if language is not None:
        language._ids = made_ids
    try:
        reset_peak()
        optimiser = torch.optim.AdamW(
            learning, lr=config.lr, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        phase.train()
        clock = Clock(turn)
        for step, batch in enumerate(batches):
            phase.begin_step(step)
            for group in optimiser.param_groups:
                group["lr"] = rate(step, phase.steps, config)
            seed = number(phase.seed, phase.name, step, 0)
            torch.manual_seed(number(seed, 0))
            loss = phase.total(phase(batch, seed))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(learning, config.clip)
            optimiser.step()
            optimiser.zero_grad()
            turn.losses.append(float(loss.detach()))
            clock.tick()
        turn.peak = peak()
    finally:
        training.model.texts = texts
        if language is not None:
            del language._ids
    return turn


def compare(training: Training, name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Let both take turns at a phase, from the same weights each time."""
    config = training.recipe.phases[name].model_copy(
        update={"steps": options.steps, "epochs": None, "evaluate_every": 10**6, "checkpoint_every": 10**6}
        | ({"batch": options.batch} if options.batch else {})
    )
    phase = make_phase(name, config, training._inputs)
    phase.start()
    train_only(training.model, config)
    phase.read_images(lambda *_: None, lambda *_: None)
    phase.measure_states()
    made: Any = MadeTokens(training)
    made.texts = Made(training.model.texts)
    made.ids = Made(training.model.language._ids) if training.model.language is not None else None
    tryon: Any = MadeBatches(training) if training.tryon_batches is not None else None
    inputs = PhaseInputs(training.model, training.examples, made, tryon, training.recipe.seed)
    first = {key: value.detach().clone() for key, value in training.model.state_dict().items()}
    turns: dict[str, list[Turn]] = {"trainer": [], "bare": []}
    bare(training, name, config, inputs)  # makes the tensors, and whatever else is made once
    for turn in range(options.rounds):
        # Who goes first has the colder caches.
        for which in ("trainer", "bare") if turn % 2 else ("bare", "trainer"):
            training.model.load_state_dict(first)
            run = (
                (lambda turn=turn: trained(training, name, config, training.out / f"{name}-{turn}"))
                if which == "trainer"
                else (lambda: bare(training, name, config, inputs))
            )
            turns[which].append(run())
    training.model.load_state_dict(first)
    losses = {which: found[0].losses for which, found in turns.items()}
    apart = max(abs(one - two) / max(1e-9, abs(two)) for one, two in zip(*losses.values(), strict=True))
    best = {
        which: [min(step) for step in zip(*(turn.step() for turn in found), strict=True)]
        for which, found in turns.items()
    }
    row: dict[str, Any] = {"phase": name, "batch": config.batch, "largest relative difference of losses": apart}
    for which, (cpu, wall) in best.items():
        peaks = [turn.peak for turn in turns[which] if turn.peak is not None]
        row[which] = {"CPU ms": cpu * 1e3, "examples/s": config.batch / wall, "peak MiB": min(peaks) if peaks else None}
    row["ratio"] = best["bare"][0] / best["trainer"][0]
    return row


def table(rows: list[dict[str, Any]]) -> str:
    head = "| phase | batch | bare, CPU ms a step | trainer | bare / trainer | examples/s, bare | trainer | peak MiB, bare | trainer |"
    lines = [head, "|---|" + "---:|" * 8]
    for row in rows:
        one, two = row["bare"], row["trainer"]
        peaks = ["" if side["peak MiB"] is None else f"{side['peak MiB']:.0f}" for side in (one, two)]
        lines.append(
            f"| {row['phase']} | {row['batch']} | {one['CPU ms']:.1f} | {two['CPU ms']:.1f} | {row['ratio']:.3f} "
            f"| {one['examples/s']:.1f} | {two['examples/s']:.1f} | {peaks[0]} | {peaks[1]} |"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="tiny", choices=("tiny", "nano"), help="the recipe")
    parser.add_argument("--twin", type=Path, help="a folder of 'fashionbench data make atelier'")
    parser.add_argument("--steps", type=int, default=12, help="steps of a turn")
    parser.add_argument("--rounds", type=int, default=4, help="turns of each")
    parser.add_argument("--batch", type=int, help="instead of the recipe's")
    parser.add_argument("--phases", nargs="+", default=list(PHASES), choices=PHASES)
    parser.add_argument("--json", type=Path, help="write what was measured here too")
    parser.add_argument(
        "--quick", action="store_true", help="the recipe for tests and a few steps, to see that it runs"
    )
    options = parser.parse_args()
    if options.quick:
        options.size, options.steps, options.rounds = "nano", 4, 1
    if options.steps <= WARM_UP:
        parser.error(f"--steps: at least {WARM_UP + 1}, of which {WARM_UP} are not counted")
    torch.set_num_threads(1)
    plugins = Plugins()
    roots = DataRoots(named={"atelier": options.twin} if options.twin else {})
    with tempfile.TemporaryDirectory() as folder:
        context = TrainingContext(Path(folder), lambda task: open_part(task, plugins, roots), "cpu", Silent(), print)
        # Tokens are kept, as in every recipe that fits into memory, so that images cost neither anything.
        changes: dict[str, Any] = {"limit": 400 if options.size == "tiny" else 24}
        if options.size == "nano":
            changes["model"] = {"changes": {"vision": {"trainable": False}}}
        training = Training(load_recipe(f"unifashion-{options.size}", changes), context)
        rows = []
        with _deterministic():
            for name in options.phases:
                rows.append(compare(training, name, options))
                print(f"{name}: {rows[-1]['ratio']:.3f}", file=sys.stderr)
    print(f"unifashion-{options.size}, one thread, {options.rounds} turns of {options.steps} steps each")
    print(table(rows))
    wrong = [row["phase"] for row in rows if row["largest relative difference of losses"] > 1e-5]
    slow = [row["phase"] for row in rows if row["ratio"] < GOAL]
    print(f"losses differ: {', '.join(wrong)}" if wrong else "losses are equal")
    print(f"below {GOAL}: {', '.join(slow)}" if slow else f"all at {GOAL} or above")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
