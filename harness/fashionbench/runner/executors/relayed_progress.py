"""Progress that one process reports and another one shows: each call of a reporter is a line of JSON in a pipe."""

from __future__ import annotations

import json
import queue
import threading
from typing import IO, TYPE_CHECKING, Any

from fashionbench.progress import EARLIER

if TYPE_CHECKING:
    from collections.abc import Callable

    from fashionbench.progress import Reporter

_PAUSE = 0.2


class PipedReporter:
    """Writes what is reported into a pipe."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe = pipe

    def expect(self, cells: int) -> None:
        """Say how many cells there will be."""
        self._write("expect", cells)

    def begin(self, name: str, items: int | None = None) -> None:
        """Begin a part."""
        self._write("begin", name, items)

    def expect_work(self, kind: str, count: int) -> None:
        """Announce work of the part."""
        self._write("expect_work", kind, count)

    def advance(self, count: int, kind: str = "") -> None:
        """Count finished items."""
        self._write("advance", count, kind)

    def note(self, text: str) -> None:
        """Pass a line on."""
        self._write("note", text)

    def end(self, outcome: str) -> None:
        """End the part."""
        self._write("end", outcome)

    def _write(self, *call: object) -> None:
        self._pipe.write(json.dumps(call) + "\n")
        self._pipe.flush()


class PipeReader:
    """Reads a pipe in a thread, so that its writer never waits, until someone shows what it said.

    :param pipe: lines of a :class:`PipedReporter`.
    """

    def __init__(self, pipe: IO[str]) -> None:
        self._calls: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()
        self._ended = False
        threading.Thread(target=self._read, args=(pipe,), daemon=True).start()

    def show(self, reporter: Reporter, alive: Callable[[], bool]) -> None:
        """Show what is still to be done of the present part, and all that comes until the pipe ends.

        What was done before is left out, for an estimate would take it as done in no time.

        :param alive: whether the writer is; what it started may hold the pipe open after its end.
        """
        name, left = "", dict[str, int]()
        while (call := self._next(0.0)) is not None:
            match call:
                case "begin", str() as name, items:
                    left = {"": items} if items else {}
                case "expect_work", kind, count:
                    left[kind] = left.get(kind, 0) + count
                case "advance", count, kind:
                    kind = "" if kind == EARLIER else kind
                    left[kind] = max(0, left.get(kind, 0) - count)
                case _:
                    _apply(call, reporter)
        if not self._ended:
            reporter.begin(name or "training in a second process")
            for kind, count in left.items():
                reporter.expect_work(kind, count)
        while (call := self._next(_PAUSE)) is not None or (alive() and not self._ended):
            if call is not None:
                _apply(call, reporter)

    def _next(self, seconds: float) -> list[Any] | None:
        """Take the next call; None where there is none in so many seconds, or the pipe has ended."""
        if self._ended:
            return None
        try:
            call = self._calls.get(timeout=seconds) if seconds else self._calls.get_nowait()
        except queue.Empty:
            return None
        self._ended = call is None
        return call

    def _read(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._calls.put(json.loads(line))
        self._calls.put(None)


def _apply(call: list[Any], reporter: Reporter) -> None:
    method, *arguments = call
    getattr(reporter, method)(*arguments)
