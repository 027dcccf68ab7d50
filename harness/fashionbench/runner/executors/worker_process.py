"""The program of a worker process: jobs come in by standard input, progress and records go out by standard output."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import FashionBenchError
from fashionbench.interrupts import watched
from fashionbench.runner.executors.cell_worker import CellWorker
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.runner.executors.relayed_progress import PipedReporter
from fashionbench.runner.executors.shard_process import shard_processes

if TYPE_CHECKING:
    from typing import IO


def main() -> None:
    """Read a run from standard input, then keys of jobs, a line each; end when standard input ends."""
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(lines,), daemon=True).start()
    fields = json.loads(lines.get())
    sys.argv = fields["command"]  # which records name
    # What models print by the way must not come between the lines.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # A worker ends without a last word, and what it had not written by then would be lost.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with watched():
        _work(fields, lines, answers)


def _work(fields: dict[str, Any], lines: queue.SimpleQueue[str], answers: IO[str]) -> None:
    reporter = PipedReporter(answers)
    try:
        store = OutcomeStore(Path(fields["store"]))
        shards = shard_processes(fields, store.cache, reporter.note)
        with CellWorker(fields["config"], store, reporter, shards) as worker:
            while True:
                key = lines.get()
                _say(answers, "done", key, worker.do(key).model_dump(mode="json"))
    except OSError as error:
        _say(answers, "disk", error.errno, error.strerror or str(error), str(error.filename or ""))
    except FashionBenchError as error:
        _say(answers, "refused", error.message, error.remedy)


def _say(answers: IO[str], *words: object) -> None:
    answers.write(json.dumps(words, allow_nan=False) + "\n")
    answers.flush()


def _read(lines: queue.SimpleQueue[str]) -> None:
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    rest = b""
    while content := os.read(0, 1 << 16):
        *whole, rest = (rest + content).split(b"\n")
        for line in whole:
            lines.put(line.decode())
    # The run is over, however it ended: this process ends at once, and with it what it has started.
    with contextlib.suppress(OSError, AttributeError):
        if os.getpgid(0) == os.getpid():
            os.killpg(0, signal.SIGKILL)
    os._exit(1)
