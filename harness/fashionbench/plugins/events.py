"""Events of a run, as observer hooks receive them: names of cells and records, nothing of the runner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import Record


@dataclass(frozen=True, slots=True)
class CellName:
    """The name of a cell: one backend on one task with one seed, or a training that cells depend on.

    :param task: the task's id; for a training, ``training``.
    :param backend: the backend's id; for a training, the trainer's.
    """

    task: str
    backend: str
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.task} × {self.backend}" + (f" (seed {self.seed})" if self.seed else "")


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run begins."""

    cells: tuple[CellName, ...]


@dataclass(frozen=True, slots=True)
class CellStart:
    """A cell is about to be executed."""

    cell: CellName


@dataclass(frozen=True, slots=True)
class CellEnd:
    """A cell has a record; ``reused`` tells whether the backend was not asked for it."""

    cell: CellName
    record: Record
    reused: bool


@dataclass(frozen=True, slots=True)
class CellError:
    """A cell failed; the record says why."""

    cell: CellName
    record: Record
    error: Exception


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run is over."""

    records: Sequence[Record]
