"""From a configuration to cells, each with the hash of everything that decides its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.errors import ConfigError
from fashionbench.metrics.scoring import metric_spec
from fashionbench.runner.code_hash import source_digest
from fashionbench.runner.config import BackendChoice, RunConfig, matching, unique
from fashionbench.runner.trained_models import model_identity
from fashionbench.specs.capabilities import satisfied

if TYPE_CHECKING:
    from fashionbench.plugins.manager import Plugins
    from fashionbench.specs import BackendSpec, TaskSpec


_EVERYTHING = frozenset({"pairs", "triplets", "tryon_examples"})


@dataclass(frozen=True, slots=True)
class Cell:
    """One backend on one task with one seed.

    :param options: the backend's options as they will be used.
    :param identity: everything that decides the numbers but the data, which are fingerprinted when they are opened.
    """

    task: TaskSpec
    backend: BackendSpec
    options: dict[str, Any]
    seed: int
    identity: dict[str, Any]

    @property
    def shown(self) -> dict[str, Any]:
        """The options as a record shows them: what a folder holds instead of its path."""
        shown: dict[str, Any] = self.identity["backend"].get("options", self.options)
        return shown

    @property
    def name(self) -> str:
        """A short name for people."""
        return f"{self.task.id} × {self.backend.id}" + (f" (seed {self.seed})" if self.seed else "")

    def draw(self, fingerprint: str) -> str:
        """Name the random draws of this cell's intervals: the same for the same question, whatever the code."""
        options = digest(self.shown)
        return digest([self.task.protocol.hash, fingerprint, self.backend.id, options, self.seed])

    def id(self, fingerprint: str) -> str:
        """Return the cell id, given the fingerprint of the data."""
        return digest({**self.identity, "fingerprint": fingerprint})


@dataclass(frozen=True, slots=True)
class Gap:
    """A pair of task and backend that cannot be run, with the reason."""

    task: str
    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do."""

    config: RunConfig
    cells: tuple[Cell, ...]
    gaps: tuple[Gap, ...]


def make_plan(config: RunConfig, plugins: Plugins) -> Plan:
    """Pair tasks with backends and seeds.

    :raises UnknownNameError: for a name that nothing registered.
    :raises ConfigError: where no pair is left to run, or an option is unknown.
    """
    tasks = [plugins.tasks[name] for name in unique([n for p in config.tasks for n in matching(p, plugins.tasks)])]
    cells: list[Cell] = []
    gaps: list[Gap] = []
    for task in tasks:
        for choice in config.backends:
            for name in matching(choice.id, plugins.backends):
                spec = plugins.backends[name]
                wanted = _untaught(spec, task)
                lacking = [m for m in spec.models if not spec.trainer and not {**spec.options, **choice.options}.get(m)]
                if lacking:
                    # A pattern may name a backend that nobody has given a model; the others are run.
                    gaps.append(Gap(task.id, name, f"it has no {lacking[0]}: give it the option {lacking[0]}=FOLDER"))
                elif wanted:
                    gaps.append(Gap(task.id, name, f"it learns from {wanted}, and the task has none"))
                elif satisfied(spec.capabilities, task.needs):
                    cells += [_cell(task, spec, choice, seed, config, plugins) for seed in choice.seeds or config.seeds]
                else:
                    wanted = " or ".join(" + ".join(sorted(needed)) for needed in task.needs)
                    gaps.append(Gap(task.id, name, f"it cannot {wanted}"))
    distinct = {digest(cell.identity): cell for cell in cells}
    if not distinct:
        reasons = "; ".join(f"{gap.backend} on {gap.task}: {gap.reason}" for gap in gaps)
        raise ConfigError(f"there is nothing to run: {reasons}", remedy="see 'fashionbench list backends'")
    return Plan(config, tuple(distinct.values()), tuple(dict.fromkeys(gaps)))


def _untaught(spec: BackendSpec, task: TaskSpec) -> str:
    """Name what a backend would have to learn from and a task has not, or nothing."""
    if not spec.fits or task.trains is None or (spec.learns_from or _EVERYTHING) & task.trains:
        return ""
    return " or ".join(sorted(spec.learns_from)) or "training data"


def _cell(
    task: TaskSpec, spec: BackendSpec, choice: BackendChoice, seed: int, config: RunConfig, plugins: Plugins
) -> Cell:
    unknown = sorted(choice.options.keys() - spec.options.keys())
    if unknown:
        known = ", ".join(sorted(spec.options)) or "none"
        raise ConfigError(f"{spec.id} has no option {', '.join(unknown)}", remedy=f"options of {spec.id}: {known}")
    options = {**spec.options, **choice.options}
    identity = {
        "task": {
            "id": task.id,
            "protocol": task.protocol.hash,
            "options": dict(task.options),
            "source": source_digest(task.target),
            "dataset": plugins.datasets[task.dataset].id,
            "metrics": {name: metric_spec(name, plugins.metrics).implementation for name in task.metrics},
        },
        "backend": {
            "id": spec.id,
            "revision": spec.revision,
            "options": {**options, **{name: model_identity(name, options, spec, plugins) for name in spec.models}},
            "source": source_digest(spec.target),
        },
        "seed": seed,
        "limit": config.limit,
    }
    return Cell(task, spec, options, seed, identity)
