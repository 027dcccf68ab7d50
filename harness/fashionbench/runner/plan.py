"""From a configuration to cells, each with the identity of everything that decides its predictions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from fashionbench.canonical import digest
from fashionbench.data.file_index import FileIndex
from fashionbench.errors import ConfigError, first_names
from fashionbench.plugins.events import CellName
from fashionbench.runner.code_hash import code_hash
from fashionbench.runner.config import BackendChoice, RunConfig, TrainingChoice, matching, unique
from fashionbench.runner.embedding_dtype import dtype_of_task
from fashionbench.runner.identity import BackendIdentity, CellIdentity, TaskIdentity
from fashionbench.runner.model_files import model_options
from fashionbench.runner.named_backends import named_backends
from fashionbench.runner.secret_options import secret_options
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import satisfied
from fashionbench.specs.validation import change_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.plugins.manager import Plugins
    from fashionbench.specs import BackendSpec, TaskSpec, TrainerSpec

_ALL_KINDS = frozenset({"pairs", "triplets", "tryon_examples"})


@dataclass(frozen=True, slots=True)
class TrainingCell:
    """A training that other cells depend on.

    :param config: what is changed of the trainer's own configuration.
    :param code: hash of the code behind the trainer, its recipes included.
    :param tasks: ids of the tasks whose training parts it learns from; None where the trainer does not say.
    """

    trainer: TrainerSpec
    config: Mapping[str, Any]
    code: str
    tasks: tuple[str, ...] | None

    @property
    def name(self) -> CellName:
        """The name of the cell."""
        return CellName("training", self.trainer.id, int(self.config.get("seed", 0)))

    def id(self, fingerprints: Mapping[str, str]) -> str:
        """Return the hash of everything that decides the weights.

        :param fingerprints: of the data that it learns from, by task or, where the trainer names none, by data set.
        """
        return digest([self.trainer.id, self.code, self.config, fingerprints])

    def apart_from_seed(self, fingerprints: Mapping[str, str]) -> str:
        """Return the hash of what decides the weights but for the seed: trainings that agree in it are seeds of one."""
        config = {name: value for name, value in self.config.items() if name != "seed"}
        return digest([self.trainer.id, self.code, config, fingerprints])


def _no_trainings() -> Mapping[str, TrainingCell]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Cell:
    """One backend on one task with one seed.

    :param options: the backend's options as they will be used.
    :param identity: everything that decides the predictions but the data, which are fingerprinted when they are opened.
    :param trainings: options whose model is trained before the cell runs.
    """

    task: TaskSpec
    backend: BackendSpec
    options: Mapping[str, Any]
    identity: CellIdentity
    trainings: Mapping[str, TrainingCell] = field(default_factory=_no_trainings)

    @property
    def seed(self) -> int:
        """The seed of every random choice."""
        return self.identity.seed

    @property
    def key(self) -> str:
        """A hash of what makes it another cell than others of a plan, its trainings included."""
        trainings = {name: training.id({}) for name, training in self.trainings.items()}
        named = [self.task.id, self.identity.cell_id("")]
        return digest([*named, trainings] if trainings else named)

    @property
    def name(self) -> CellName:
        """The name of the cell."""
        return CellName(self.task.id, self.backend.id, self.seed)

    def trained(self, options: Mapping[str, str], ids: Mapping[str, str]) -> Cell:
        """Return the cell with the models that its trainings have made.

        :param options: folders of models, by option.
        :param ids: ids of the trainings, by option.
        """
        named = {name: {"trainer": self.trainings[name].trainer.id, "training": ids[name]} for name in ids}
        return replace(self, options={**self.options, **options}, identity=self.identity.with_options(named))


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A pair of task and backend that cannot be run, with the reason."""

    task: str
    backend: str
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do.

    :param trainings: trainings that cells depend on, each once.
    """

    config: RunConfig
    cells: tuple[Cell, ...]
    not_applicable: tuple[NotApplicable, ...]
    trainings: tuple[TrainingCell, ...] = ()


def make_plan(config: RunConfig, plugins: Plugins, index: FileIndex | None = None) -> Plan:
    """Pair tasks with backends and seeds.

    :param index: remembers the hashes of model files; without one they are computed anew.
    :raises UnknownNameError: for a name that nothing registered.
    :raises ConfigError: where no pair is left to run, or an option is unknown.
    """
    files = index or FileIndex()
    tasks = [plugins.tasks[name] for name in unique([n for p in config.tasks for n in matching(p, plugins.tasks)])]
    backends = [(choice, named_backends(choice.id, choice.options, plugins)) for choice in config.backends]
    cells: list[Cell] = []
    refused: list[NotApplicable] = []
    for task in tasks:
        for choice, specs in backends:
            for spec in specs:
                reason = _why_not(spec, task, choice)
                if reason:
                    refused.append(NotApplicable(task.id, spec.id, reason))
                else:
                    cells += _cells(task, spec, choice, config, plugins, files)
    distinct = {cell.key: cell for cell in cells}
    if not distinct:
        reasons = first_names([f"{one.backend} on {one.task}: {one.reason}" for one in refused])
        raise ConfigError(f"there is nothing to run: {reasons}", remedy="see 'fashionbench list backends'")
    chosen = tuple(distinct.values())
    trainings = {training.id({}): training for cell in chosen for training in cell.trainings.values()}
    return Plan(config, chosen, tuple(dict.fromkeys(refused)), tuple(trainings.values()))


def _why_not(spec: BackendSpec, task: TaskSpec, choice: BackendChoice) -> str:
    """Say why a backend cannot be run on a task, or nothing.

    A pattern may name a backend that nobody has given a model; the others are run.
    """
    trainer = spec.trainer or (choice.training.trainer if choice.training else "")
    lacking = [m for m in spec.models if not trainer and not {**spec.options, **choice.options}.get(m)]
    if lacking and spec.address:
        return f"its model is not on this machine ({spec.address})"
    if lacking:
        return f"it has no {lacking[0]}: give it the option {lacking[0]}=FOLDER, or a training"
    if spec.fits and task.trains is not None and not (spec.learns_from or _ALL_KINDS) & task.trains:
        return f"it learns from {' or '.join(sorted(spec.learns_from)) or 'training data'}, and the task has none"
    if not satisfied(spec.capabilities, task.needs):
        return "it cannot " + " or ".join(" + ".join(sorted(needed)) for needed in task.needs)
    return ""


def _cells(
    task: TaskSpec, spec: BackendSpec, choice: BackendChoice, config: RunConfig, plugins: Plugins, index: FileIndex
) -> list[Cell]:
    unknown = sorted(choice.options.keys() - spec.options.keys())
    if unknown:
        known = ", ".join(sorted(spec.options)) or "none"
        raise ConfigError(f"{spec.id} has no option {', '.join(unknown)}", remedy=f"options of {spec.id}: {known}")
    options = {**spec.options, **choice.options}
    untrained = [name for name in spec.models if not options[name]]
    if choice.training is not None and not untrained:
        raise ConfigError(f"{spec.id} has no model that is trained", remedy="leave its training out, or its model")
    task_identity = TaskIdentity(
        id=task.id,
        protocol=task.protocol.hash,
        options=dict(task.options),
        code=code_hash(task.target),
        dataset=plugins.datasets[task.dataset].id,
    )
    backend_identity = BackendIdentity(
        id=spec.id,
        revision=spec.revision,
        options={**options, **model_options(spec, options, index), **secret_options(spec, options)},
        code=code_hash(spec.target),
    )
    cells = []
    for seed in choice.seeds or config.seeds:
        dtype = dtype_of_task(config.embedding_dtype, task.needs)
        identity = CellIdentity(task_identity, backend_identity, seed, config.limit, embedding_dtype=dtype)
        trainings = {name: _training(spec, choice, seed, plugins) for name in untrained}
        cells.append(Cell(task, spec, options, identity, trainings))
    return cells


def _training(spec: BackendSpec, choice: BackendChoice, seed: int, plugins: Plugins) -> TrainingCell:
    """Return the training of a cell's model, whose seed is that of the cell unless its configuration names one."""
    chosen = choice.training or TrainingChoice()
    trainer = plugins.trainers[chosen.trainer or spec.trainer]
    config: dict[str, Any] = {}
    for name, value in chosen.changes.items():
        change_field(config, name, value)
    config.setdefault("seed", seed)
    whole = cast("Any", resolve(trainer.configuration))({}) if trainer.configuration else {}
    if config["seed"] == whole.get("seed", 0):
        del config["seed"]  # what is the case anyway makes no other training
    tasks = tuple(cast("Any", resolve(trainer.tasks))(config)) if trainer.tasks else None
    return TrainingCell(trainer, config, code_hash(trainer.target), tasks)
