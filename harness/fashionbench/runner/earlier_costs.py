"""About how long a cell or a training takes: by earlier records, or else as its specification declares."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.records.schema import Record
    from fashionbench.runner.plan import Cell, TrainingCell


class EarlierCosts:
    """What cells took before.

    :param records: of a store, oldest first.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self._seconds: dict[tuple[str, str], float] = {}
        self._rates: dict[str, float] = {}
        for record in records:
            if record.status != "error":
                self._seconds[record.task.id, record.backend.id] = record.cost.wall_s
                if record.cost.items_per_s:
                    self._rates[record.backend.id] = record.cost.items_per_s

    def known(self, task: str, backend: str, items: int | None = None) -> float | None:
        """Return what a backend took on a task, or would at its last pace; None where no record says.

        :param items: of the task; None where its data are not opened.
        """
        rate = self._rates.get(backend)
        return self._seconds.get((task, backend), items / rate if items is not None and rate else None)

    def of_cell(self, cell: Cell) -> float:
        """Return what a cell takes, without the trainings that it depends on."""
        known = self.known(cell.task.id, cell.backend.id)
        return cell.backend.resources.seconds if known is None else known

    def of_training(self, training: TrainingCell) -> float:
        """Return what a training takes."""
        known = self.known(training.name.task, training.name.backend)
        return training.trainer.resources.seconds if known is None else known
