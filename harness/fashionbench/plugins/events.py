"""What plugins are told during a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import Record
    from fashionbench.runner.plan import Cell, Plan


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run begins."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class CellStart:
    """A cell is about to be executed."""

    cell: Cell


@dataclass(frozen=True, slots=True)
class CellEnd:
    """A cell has a record; ``reused`` tells whether it was there before."""

    cell: Cell
    record: Record
    reused: bool


@dataclass(frozen=True, slots=True)
class CellError:
    """A cell failed; the record says why."""

    cell: Cell
    record: Record
    error: Exception


@dataclass(frozen=True, slots=True)
class RunEnd:
    """A run is over."""

    plan: Plan
    records: Sequence[Record]
