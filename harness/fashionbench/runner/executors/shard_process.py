"""Processes of this machine that answer the batches of a cell, each with its share of threads or one GPU."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from fashionbench.errors import ExecutorError
from fashionbench.runner.device import resolve_device
from fashionbench.runner.executors.contract import LOST_REMEDY
from fashionbench.runner.executors.process_ending import ending
from fashionbench.runner.executors.processors import environments_of
from fashionbench.runner.sharded_backend import BackendShards

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_PROGRAM = "from fashionbench.runner.executors.shard_program import main; main()"


def shard_processes(fields: Mapping[str, Any], cache: Path, note: Callable[[str], object]) -> BackendShards | None:
    """Return the processes that share a cell with the one that was told ``fields``; None where it is alone.

    :param cache: a folder for what can be made again.
    :param note: takes a line for people.
    """
    count = int(fields.get("shards", 1))
    if count == 1:
        return None
    device = resolve_device(fields["config"]["device"])
    environments = environments_of(count, device, fields.get("shard_threads"), fields["shard_gpus"])
    said = {"config": fields["config"], "cache": str(cache), "command": fields["command"]}
    return BackendShards(count, lambda at: ShardProcess(said, {**os.environ, **environments[at]}, at, count), note)


class ShardProcess:
    """One process. It is in the group of the one that started it, and ends when that ends.

    :param said: what it is told first.
    :param at: its number, of so many.
    """

    def __init__(self, said: Mapping[str, Any], environment: Mapping[str, str], at: int, count: int) -> None:
        self._name = f"process {at + 1} of the {count} that share this cell"
        self._process = subprocess.Popen(  # noqa: S603
            # Nothing is imported from where the user stands.
            [sys.executable, "-P", "-c", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )  # fmt: skip
        self._lock = threading.Lock()
        self._open: deque[Future[bytes]] = deque()
        self._lost = ""
        threading.Thread(target=self._read, daemon=True).start()
        self._write(dict(said))

    @property
    def waiting(self) -> int:
        """How many calls are not answered yet."""
        return len(self._open)

    @property
    def lost(self) -> bool:
        """Whether it is gone."""
        return bool(self._lost)

    def send(self, call: bytes) -> Future[bytes]:
        """Send a call."""
        answer: Future[bytes] = Future()
        with self._lock:
            if self._lost:
                answer.set_exception(ExecutorError(self._lost, remedy=LOST_REMEDY))
                return answer
            self._open.append(answer)
        self._write(call)
        return answer

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _write(self, said: object) -> None:
        # One that is gone says so by the end of its output.
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                pickle.dump(said, self._process.stdin, pickle.HIGHEST_PROTOCOL)
                self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101
        with self._process.stdout as lines, contextlib.suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                answer = pickle.load(lines)  # noqa: S301  # of a process that this one started
                with self._lock:
                    first = self._open.popleft()
                first.set_result(answer)
        code = self._process.wait()
        with self._lock:
            self._lost = f"{self._name} {ending(code)}; what was computed before is kept"
            left = list(self._open)
            self._open.clear()
        for one in left:
            one.set_exception(ExecutorError(self._lost, remedy=LOST_REMEDY))
