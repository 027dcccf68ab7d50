"""A reporter that keeps what is reported until somebody asks."""

from __future__ import annotations

import queue
from typing import Any


class HeardReporter:
    """Takes every call of a reporter, as its name and arguments."""

    def __init__(self) -> None:
        self._said: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()

    def __getattr__(self, method: str) -> Any:
        return lambda *arguments: self._said.put([method, *arguments])

    def heard(self) -> list[list[Any]]:
        """Return what was said since the last call."""
        found: list[list[Any]] = []
        while not self._said.empty():
            found.append(self._said.get())
        return found
