"""The backend that a worker has loaded: the next cell that asks for the same one is given it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.runner.plan import Cell


class LoadedBackend:
    """One object at a time, of a backend whose answers do not depend on what it was asked before."""

    def __init__(self) -> None:
        self._key = ""
        self._object: object | None = None

    def build(self, cell: Cell, make: Callable[[], object]) -> object:
        """Return the loaded object where it is that of the cell; else forget it, and make another one."""
        key = loaded_key(cell)
        if not cell.backend.stateless or cell.backend.fits or cell.backend.privileged:
            self._object = None
            return make()
        if self._object is None or key != self._key:
            self._object = None  # before the next one is loaded, for both may not fit in memory
            self._object = make()
            self._key = key
        return self._object


def loaded_key(cell: Cell) -> str:
    """Return what cells that can share a loaded backend have in common."""
    trainings = sorted(training.id({}) for training in cell.trainings.values())
    return digest([cell.identity.embedding_owner(), *trainings])
