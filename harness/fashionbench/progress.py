"""Progress of a run: reporters, bars for a terminal, and an estimate of the time that is left.

Where the output is no terminal, one line a finished cell is printed instead, and one a minute of what takes longer.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, Self

from fashionbench import terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.console import Console

#: Seconds between two lines where there is no terminal.
PAUSE = 60.0
#: The kind of items that an earlier process finished: they count as done, and say nothing of the pace.
EARLIER = "done earlier"


class Reporter(Protocol):
    """Receives the progress of a run."""

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""
        ...

    def begin(self, name: str, items: int | None = None) -> None:
        """Begin a cell, or a part of one, of so many items where that is known already."""
        ...

    def expect_work(self, kind: str, count: int) -> None:
        """Announce work of the cell; items of one kind take about the same time."""
        ...

    def advance(self, count: int, kind: str = "") -> None:
        """Count finished items of a kind; of ``EARLIER`` where a process that was interrupted has finished them."""
        ...

    def note(self, text: str) -> None:
        """Take a line for people, such as a warning."""
        ...

    def end(self, outcome: str) -> None:
        """End the cell."""
        ...


class Silent:
    """A reporter that shows nothing."""

    def expect(self, cells: int) -> None:
        """Take no note."""

    def begin(self, name: str, items: int | None = None) -> None:
        """Take no note."""

    def expect_work(self, kind: str, count: int) -> None:
        """Take no note."""

    def advance(self, count: int, kind: str = "") -> None:
        """Take no note."""

    def note(self, text: str) -> None:
        """Take no note."""

    def end(self, outcome: str) -> None:
        """Take no note."""


class PhaseReporter:
    """Shows the phases of a training as parts of one cell.

    :param reporter: receives the phases.
    :param name: the name of the cell.
    """

    def __init__(self, reporter: Reporter, name: str) -> None:
        self._reporter = reporter
        self._name = name
        self._phase = ""

    def expect(self, cells: int) -> None:
        """Take no note: the number of phases is no number of cells."""

    def begin(self, name: str, items: int | None = None) -> None:
        """Begin a phase."""
        self._phase = f"{self._name}, {name}"
        self._reporter.begin(self._phase, items)

    def expect_work(self, kind: str, count: int) -> None:
        """Announce work of the phase."""
        self._reporter.expect_work(kind, count)

    def advance(self, count: int, kind: str = "") -> None:
        """Count finished steps."""
        self._reporter.advance(count, kind)

    def note(self, text: str) -> None:
        """Pass a line on."""
        self._reporter.note(text)

    def end(self, outcome: str) -> None:
        """End the phase."""
        self._reporter.note(f"{self._phase}: {outcome}")


class Estimate:
    """The time that is left of work of several kinds, from the pace of each kind so far.

    The time between two reports belongs to the kind of the later one. A kind of which nothing is done yet is taken to
    have the mean pace of the others.

    :param clock: seconds, rising; by default the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self._clock = clock or time.monotonic
        self._last = self._clock()
        self._announced = False
        self._total: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._earlier = 0

    def expect(self, kind: str, count: int) -> None:
        """Add work of a kind."""
        self._announced = self._announced or count > 0
        self._total[kind] = self._total.get(kind, 0) + count

    def advance(self, count: int, kind: str) -> None:
        """Count finished work; more than was announced raises the total."""
        now = self._clock()
        if kind == EARLIER:
            self._earlier += count
            self._last = now
            return
        self._seconds[kind] = self._seconds.get(kind, 0.0) + now - self._last
        self._last = now
        self._done[kind] = self._done.get(kind, 0) + count
        self._total[kind] = max(self._total.get(kind, 0), self._done[kind])

    @property
    def done(self) -> int:
        """Items that are finished."""
        return sum(self._done.values()) + self._earlier

    @property
    def total(self) -> int:
        """Items that were announced; never fewer than are finished."""
        return max(sum(self._total.values()), self.done)

    def remaining(self) -> float | None:
        """Return the seconds that are left; None where nothing is finished, or nothing was announced."""
        timed = sum(self._done.values())
        if not timed or not self._announced:
            return None
        mean = sum(self._seconds.values()) / timed
        pace = {kind: self._seconds[kind] / count for kind, count in self._done.items() if count}
        left = {kind: total - self._done.get(kind, 0) for kind, total in self._total.items()}
        # What was done earlier is of the work that is announced without a kind.
        left[""] = max(0, left.get("", 0) - self._earlier)
        return sum(count * pace.get(kind, mean) for kind, count in left.items())


class Bars:
    """Two bars on the terminal, or lines where there is none.

    :param cells: the number of cells to come.
    """

    def __init__(self, cells: int, console: Console | None = None) -> None:
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self.console = console or terminal.console(err=True)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._whole = self._progress.add_task("all cells", total=cells, left="")
        self._cell = self._progress.add_task("", total=None, visible=False, left="")
        self._name = ""
        self._cells = cells
        self._ended = 0
        self._estimate = Estimate()
        self._last_line = time.monotonic()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""
        self._cells = cells
        self._progress.update(self._whole, total=cells)

    def begin(self, name: str, items: int | None = None) -> None:
        """Begin a cell or a part of one."""
        self._name = name
        self._estimate = Estimate()
        self._last_line = time.monotonic()
        self._progress.reset(self._cell, total=items, description=terminal.shown(name), visible=True, left="")
        if items:
            self._estimate.expect("", items)

    def expect_work(self, kind: str, count: int) -> None:
        """Announce work of the cell."""
        self._estimate.expect(kind, count)
        self._progress.update(self._cell, total=self._estimate.total)

    def advance(self, count: int, kind: str = "") -> None:
        """Count finished items."""
        self._estimate.advance(count, kind)
        left = self._left()
        self._progress.update(self._cell, completed=self._estimate.done, total=self._estimate.total, left=left)
        now = time.monotonic()
        if not self.console.is_terminal and now - self._last_line >= PAUSE:
            self._last_line = now
            of = f" of {self._estimate.total}, {left}" if left else ""
            self.note(f"{self._name}: {self._estimate.done}{of}")

    def note(self, text: str) -> None:
        """Print a line."""
        self.console.print(terminal.shown(text), highlight=False, markup=False, soft_wrap=True)

    def end(self, outcome: str) -> None:
        """End the cell."""
        self._ended += 1
        self._progress.advance(self._whole)
        self._progress.update(self._cell, visible=False)
        self.note(f"[{self._ended}/{self._cells}] {self._name}: {outcome}")

    def _left(self) -> str:
        remaining = self._estimate.remaining()
        return "" if remaining is None else f"{timedelta(seconds=round(remaining))} left"
