"""The backend that a worker has loaded: the next cell that asks for the same one is given it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.runner.plan import Cell


class LoadedBackend:
    """One object at a time, of a backend whose answers do not depend on what it was asked before.

    What it counts of a cell, such as the texts that it cut, is put back to what it was when it was loaded.
    """

    def __init__(self) -> None:
        self._key = ""
        self._object: object | None = None
        self._attributes: dict[str, Any] = {}

    def build(self, cell: Cell, make: Callable[[], object]) -> object:
        """Return the loaded object where it is that of the cell; else forget it, and make another one."""
        key = loaded_key(cell)
        if not cell.backend.stateless or cell.backend.fits or cell.backend.privileged:
            self._forget()
            return make()
        if self._object is None or key != self._key:
            self._forget()  # before the next one is loaded, for both may not fit in memory
            self._object, self._key = make(), key
            self._attributes = _copied(getattr(self._object, "__dict__", {}))
        else:
            attributes = getattr(self._object, "__dict__", {})
            attributes.clear()
            attributes.update(_copied(self._attributes))
        return self._object

    def _forget(self) -> None:
        self._object, self._attributes = None, {}


def _copied(attributes: dict[str, Any]) -> dict[str, Any]:
    """Copy attributes, those that hold plain values with what they hold, and none that holds weights."""
    return {name: value.copy() if type(value) in {dict, list, set} else value for name, value in attributes.items()}


def loaded_key(cell: Cell) -> str:
    """Return what cells that can share a loaded backend have in common."""
    trainings = sorted(training.id({}) for training in cell.trainings.values())
    return digest([cell.identity.embedding_owner(), *trainings])
