"""What an executor is given and gives back. It writes no record: the run that asked it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError
from fashionbench.runner.loaded_backend import loaded_key

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from fashionbench.plugins.events import CellName
    from fashionbench.plugins.manager import Plugins
    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.earlier_costs import EarlierCosts
    from fashionbench.runner.plan import Cell, Plan, TrainingCell
    from fashionbench.specs.resources import Resources

LOST_REMEDY = "look for what ended it, such as want of memory, in its output above; run the same command again"


@dataclass(frozen=True, slots=True)
class Job:
    """A cell or a training that is to be executed.

    :param key: its hash, by which a worker sees that it plans the same.
    :param at: its place in the plan's cells; None for a training.
    :param training: the training; None for a cell.
    :param needs: keys of the trainings that it waits for.
    :param loads: what jobs that can share a loaded backend have in common.
    :param seconds: about how long it takes.
    """

    key: str
    name: CellName
    at: int | None
    training: TrainingCell | None
    needs: tuple[str, ...]
    loads: str
    resources: Resources
    seconds: float

    @classmethod
    def of_cell(cls, at: int, cell: Cell, needs: Sequence[str], costs: EarlierCosts) -> Job:
        """Make the job of a cell."""
        key, resources = cell_key(cell), cell.backend.resources
        return cls(key, cell.name, at, None, tuple(needs), loaded_key(cell), resources, costs.of_cell(cell))

    @classmethod
    def of_training(cls, one: TrainingCell, costs: EarlierCosts) -> Job:
        """Make the job of a training."""
        key = one.id({})
        return cls(key, one.name, None, one, (), key, one.trainer.resources, costs.of_training(one))


def cell_key(cell: Cell) -> str:
    """Return the hash of a cell, before its data are opened."""
    trainings = {name: one.id({}) for name, one in cell.trainings.items()}
    return digest([cell.task.id, cell.identity.cell_id(""), trainings])


@dataclass(frozen=True, slots=True)
class Setup:
    """What all jobs of a run share."""

    plan: Plan
    store: Store
    device: str
    reporter: Reporter
    plugins: Plugins


@dataclass(frozen=True, slots=True)
class Begun:
    """A worker has begun with a job."""

    job: Job


@dataclass(frozen=True, slots=True)
class Finished:
    """A job is done, or has failed by its own fault, as its record says; the record is not stored yet."""

    job: Job
    record: Record


@dataclass(frozen=True, slots=True)
class Lost:
    """No worker lived to say what became of a job."""

    job: Job
    reason: str


Event: TypeAlias = "Begun | Finished | Lost"


class Executor(Protocol):
    """Runs jobs."""

    def run(self, jobs: Sequence[Job], setup: Setup) -> Generator[Event]:
        """Run jobs, and give back each once as finished or lost, in any order.

        The record of a training is stored before the generator is asked for the next event. What waits for a training
        that failed is not run and not given back. Whoever closes the generator ends all workers.

        :raises ExecutorError: where no worker can be had.
        :raises OSError: where a worker found the disk full.
        """
        ...


class ReportedError(FashionBenchError):
    """An error that a worker recorded."""


def reported(record: Record) -> Exception | None:
    """Return the error that a record tells of; one that nobody foresaw as one of its type's name."""
    error = record.error
    if error is None:
        return None
    said = error.message.removeprefix(f"{error.type}: ")
    if said == error.message:
        return ReportedError(error.message, remedy=error.remedy)
    foreign: type[Exception] = type(error.type, (Exception,), {})
    return foreign(said)
