"""The program of a process that answers batches: calls come in by standard input, answers go out by standard output."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import sys
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.interrupts import watched
from fashionbench.runner.executors.shard_server import ShardServer, call_of

if TYPE_CHECKING:
    from fashionbench.runner.executors.shard_server import Call


def main() -> None:
    """Read what the process is told, then calls; end when standard input ends."""
    calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(calls,), daemon=True).start()
    fields = calls.get()
    sys.argv = fields["command"]
    # What models print by the way must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    server = ShardServer(fields["config"], Path(fields["cache"]))
    with watched(), contextlib.suppress(KeyboardInterrupt):  # of a signal that is to end it
        waiting: deque[Call | Exception] = deque()
        while True:
            while not waiting or not calls.empty():
                waiting.append(call_of(calls.get()))
            call = waiting.popleft()
            pickle.dump(server.answer(call, waiting[0] if waiting else None), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _read(calls: queue.SimpleQueue[Any]) -> None:
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    with open(0, "rb", closefd=False) as lines:
        while True:
            try:
                calls.put(pickle.load(lines))  # noqa: S301  # of the process that started this one
            except (EOFError, OSError, pickle.UnpicklingError):
                # The run is over, however it ended: this process ends at once.
                os._exit(1)
