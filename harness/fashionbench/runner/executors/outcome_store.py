"""A store as a worker sees it: it reads everything and writes predictions, values and images, but no record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.records.store import Store

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.records.schema import Record


class OutcomeStore(Store):
    """Keeps what would be added, for the run that writes the records of all workers.

    :param root: the folder of the store.
    :param cache: a folder of this machine for what can be made again; by default the store's own.
    """

    def __init__(self, root: Path, cache: Path | None = None) -> None:
        super().__init__(root)
        self.outcomes: list[Record] = []
        self._cache = cache

    @property
    def cache(self) -> Path:
        """A folder for what can be made again."""
        return self._cache or super().cache

    def add(self, record: Record) -> Record:
        """Refuse: a chain has one writer.

        :raises StoreError: always.
        """
        msg = f"a worker was to write the record of {record.task.id} × {record.backend.id}"
        raise StoreError(msg, remedy="let the run write it")

    def add_newest(self, record: Record) -> Record:
        """Keep a record for the run."""
        self.outcomes.append(record)
        return record
