"""Experiment log: TensorBoard, training record, model card, and a report with curves."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from fashionbench import files
from fashionbench.canonical import digest
from fashionbench.records import provenance
from fashionbench_unifashion.training.checkpoints import PhaseFolder
from fashionbench_unifashion.training.pretraining import pretraining
from fashionbench_unifashion.training.trackers import open_trackers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from fashionbench_unifashion.model.unifashion import UniFashion
    from fashionbench_unifashion.training.examples import TrainingExamples
    from fashionbench_unifashion.training.recipe import Recipe

SCHEMA = "fashionbench.training/1"


class ExperimentLog:
    """TensorBoard files, one log a phase, and the services that the recipe names.

    :param main: whether this process writes.
    :param trackers: see :mod:`~fashionbench_unifashion.training.trackers`.
    :param run: what the training is called there.
    """

    def __init__(self, out: Path, *, main: bool, trackers: Sequence[str] = (), run: str = "fashionbench") -> None:
        self._writer: Any = None
        self._trackers = open_trackers(trackers, run) if main and trackers else []
        if main:
            from torch.utils.tensorboard import FileWriter  # noqa: PLC0415

            self._writer = FileWriter(str(out / "tensorboard"))

    def __enter__(self) -> Self:
        """Return the log itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files."""
        if self._writer is not None:
            self._writer.close()
        for tracker in self._trackers:
            tracker.finish()

    def phase(self, name: str, folder: PhaseFolder) -> Callable[[int, dict[str, float]], None]:
        """Return what a phase tells its figures to."""

        def track(step: int, values: dict[str, float]) -> None:
            folder.log(step, values)
            if self._writer is not None:
                self._writer.add_summary(_summary(name, values), step)
            for tracker in self._trackers:
                # Steps begin anew with each phase, and services want them to rise.
                tracker.log({f"{name}/{key}": value for key, value in {"step": step, **values}.items()})

        return track


def _summary(phase: str, values: Mapping[str, float]) -> Any:
    """Make one entry of TensorBoard of all figures of a step; an entry each takes as many times as long."""
    from tensorboard.compat.proto.summary_pb2 import Summary  # noqa: PLC0415

    return Summary(value=[Summary.Value(tag=f"{phase}/{key}", simple_value=value) for key, value in values.items()])


@dataclass(frozen=True, slots=True)
class TrainingFacts:
    """A training that is over.

    :param summaries: of the phases by name.
    :param sharded: whether what learns was spread over the processes.
    """

    recipe: Recipe
    model: UniFashion
    examples: TrainingExamples
    summaries: Mapping[str, Any]
    processes: int
    device: str
    sharded: bool = False


def record(training: TrainingFacts) -> str:
    """Write what was trained on what, and how, as canonical facts in JSON."""
    model, recipe = training.model, training.recipe
    facts = {
        "schema": SCHEMA,
        "name": recipe.name,
        "recipe": recipe.model_dump(mode="json"),
        "recipe_hash": digest(recipe.model_dump(mode="json")),
        "model": model.config.model_dump(mode="json"),
        "weights": model.fingerprint(),
        "parameters": {name: sum(p.numel() for p in part.parameters()) for name, part in model.parts().items()},
        "data": {
            name: {"dataset": part.dataset, "fingerprint": part.fingerprint, "synthetic": part.synthetic}
            for name, part in training.examples.parts.items()
        },
        "pretraining": [asdict(use) for use in pretraining(model.config, recipe.model.init_from)],
        "examples": training.examples.counts,
        "phases": dict(training.summaries),
        "processes": training.processes,
        "sharded": training.sharded,
        "device": training.device,
        "ended": provenance.now(),
    }
    return json.dumps(facts, indent=2, ensure_ascii=False) + "\n"


def card(training: TrainingFacts) -> str:
    """Write the model card."""
    recipe = training.recipe
    synthetic = any(part.synthetic for part in training.examples.parts.values())
    lines = [
        f"# {recipe.name}",
        "",
        "A UniFashion model (arXiv 2408.11305), trained by FashionBench.",
        "",
        f"- data: {', '.join(training.examples.parts)}" + (" (generated)" if synthetic else ""),
        f"- seed: {recipe.seed}",
        f"- weights: {training.model.fingerprint()}",
        "",
        "| phase | steps | best step | trainable parameters | held-out score | seconds |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, summary in training.summaries.items():
        count = summary["trainable parameters"]
        steps, best = f"{summary['steps']:.0f}", f"{summary.get('best step', math.nan):.0f}"
        lines.append(f"| {name} | {steps} | {best} | {count} | {summary['best']:.4g} | {summary['seconds']:.0f} |")
    unlearnt = [name for name, summary in training.summaries.items() if summary.get("best step") == 0]
    if unlearnt:
        lines += ["", f"No step of {', '.join(unlearnt)} was better than none: those weights are as before the phase."]
    if synthetic:
        lines += ["", "It has seen drawings only. It is good for tests and for learning how the harness works."]
    return "\n".join(lines) + "\n"


def report(out: Path, recipe: Recipe) -> Path:
    """Draw the losses of every phase, and the drift in phase 2, into ``report.html`` beside one image a phase."""
    from fashionbench_unifashion.training.plots import draw  # noqa: PLC0415

    images = []
    for number, name in enumerate(recipe.phases):
        folder = PhaseFolder(out / "phases" / f"{number}-{name}")
        lines = folder.lines()
        if lines:
            images.append((name, draw(name, lines, out / "curves" / f"{number}-{name}.svg")))
    body = "\n".join(f'<h2>{name}</h2><img src="curves/{path.name}" alt="curves of {name}">' for name, path in images)
    page = f"<!doctype html><meta charset=utf-8><title>{recipe.name}</title><h1>{recipe.name}</h1>\n{body}\n"
    target = out / "report.html"
    files.write_text(target, page)
    return target
