"""Show how far a run is: a bar a cell and one for the whole, with the time that is left.

Where the output is no terminal, one line a finished cell is printed instead, and one a minute of what takes longer.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from types import TracebackType


#: Seconds between two lines where there is no terminal.
PAUSE = 60.0


class Reporter(Protocol):
    """Who is told how a run goes."""

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""
        ...

    def begin(self, name: str, items: int | None) -> None:
        """Begin a cell of about so many items."""
        ...

    def advance(self, count: int) -> None:
        """Count finished items."""
        ...

    def end(self, outcome: str) -> None:
        """End the cell."""
        ...


class Silent:
    """Show nothing."""

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""

    def begin(self, name: str, items: int | None) -> None:
        """Begin a cell."""

    def advance(self, count: int) -> None:
        """Count finished items."""

    def end(self, outcome: str) -> None:
        """End the cell."""


class Bars:
    """Two bars on the terminal.

    :param cells: the number of cells to come.
    """

    def __init__(self, cells: int, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._whole = self._progress.add_task("all cells", total=cells)
        self._cell = self._progress.add_task("", total=None, visible=False)
        self._name = ""
        self._cells = cells
        self._ended = 0
        self._items: int | None = None
        self._done = 0
        self._began = self._told = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""
        self._cells = cells
        self._progress.update(self._whole, total=cells)

    def begin(self, name: str, items: int | None) -> None:
        """Begin a cell."""
        self._name, self._items, self._done = name, items, 0
        self._began = self._told = time.monotonic()
        self._progress.reset(self._cell, total=items, description=name, visible=True)

    def advance(self, count: int) -> None:
        """Count finished items."""
        self._progress.advance(self._cell, count)
        self._done += count
        now = time.monotonic()
        if not self.console.is_terminal and now - self._told >= PAUSE:
            self._told = now
            self._line(f"{self._name}: {self._done}{self._left(now)}")

    def end(self, outcome: str) -> None:
        """End the cell."""
        self._ended += 1
        self._progress.advance(self._whole)
        self._progress.update(self._cell, visible=False)
        self._line(f"[{self._ended}/{self._cells}] {self._name}: {outcome}")

    def _left(self, now: float) -> str:
        """Say of how many, and how long the rest takes at the pace so far."""
        if not self._items or not self._done:
            return ""
        rest = max(0.0, self._items - self._done) * (now - self._began) / self._done
        return f" of {self._items}, {timedelta(seconds=round(rest))} left"

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)
