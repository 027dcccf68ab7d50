"""A worker of a Ray cluster: an actor that keeps its backend loaded, and executes the jobs that it is sent."""

from __future__ import annotations

import os
import queue
import shutil
import sys
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import FashionBenchError
from fashionbench.runner.executors.cell_worker import CellWorker
from fashionbench.runner.executors.heard_reporter import HeardReporter
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.runner.executors.ray_shards import begin_actor, ray_shards

if TYPE_CHECKING:
    from fashionbench.runner.sharded_backend import BackendShards

#: What a worker writes beside a record, below its store.
_WRITTEN = ("predictions", "values", "images", "models")


class RayWorker:
    """The actor.

    :param fields: what a worker is told; ``folder`` is where the run stands, and ``seen`` a file in its store.
    """

    def __init__(self, fields: dict[str, Any]) -> None:
        begin_actor(fields)
        self._fields = fields
        self._scratch = Path(tempfile.mkdtemp(prefix="fashionbench-"))
        self._shared = Path(fields["seen"]).is_file()
        self._root = Path(fields["store"]) if self._shared else self._scratch / "store"
        self._reporter = HeardReporter()
        self._jobs: queue.SimpleQueue[tuple[str, Future[dict[str, Any]]]] = queue.SimpleQueue()
        self._shards: BackendShards | None = None
        # One thread for all jobs, for the caches' connections belong to the thread that opened them.
        threading.Thread(target=self._work, daemon=True).start()

    def do(self, key: str, files: dict[str, bytes]) -> dict[str, Any]:
        """Execute a job.

        :param files: what it needs of the store, by path, where this machine does not see it.
        :returns: ``said``, words as a worker process says them, and ``files``.
        """
        for name, content in files.items():
            path = self._root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        done: Future[dict[str, Any]] = Future()
        self._jobs.put((key, done))
        return done.result()

    def shares_store(self) -> bool:
        """Tell whether this machine sees the store of the run."""
        return self._shared

    def heard(self) -> list[list[Any]]:
        """Return the progress since the last call."""
        return self._reporter.heard()

    def _work(self) -> None:
        try:
            self._work_on()
        except BaseException as error:  # of a signal: this process is to end, and another one takes the job
            sys.stderr.write(f"a worker ends: {type(error).__name__}: {error}\n")
            sys.stderr.flush()
            os._exit(1)

    def _work_on(self) -> None:
        key, done = self._jobs.get()
        # The cache of a store that machines share would need locks that network drives do not keep.
        store = OutcomeStore(self._root, self._scratch / "cache")
        while True:
            try:
                self._shards = ray_shards(self._fields, self._reporter.note)
                with CellWorker(self._fields["config"], store, self._reporter, self._shards) as worker:
                    while True:
                        before = set() if self._shared else self._files()
                        record = worker.do(key).model_dump(mode="json")
                        files = {} if self._shared else self._contents(before)
                        done.set_result({"said": ["done", key, record], "files": files})
                        key, done = self._jobs.get()
            except OSError as error:
                words = ["disk", error.errno, error.strerror or str(error), str(error.filename or "")]
                done.set_result({"said": words, "files": {}})
            except FashionBenchError as error:
                done.set_result({"said": ["refused", error.message, error.remedy], "files": {}})
            key, done = self._jobs.get()

    def _files(self) -> set[Path]:
        return {path for name in _WRITTEN for path in (self._root / name).rglob("*") if path.is_file()}

    def _contents(self, before: set[Path]) -> dict[str, bytes]:
        new = [path for path in self._files() - before if path.name != ".lock"]
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in sorted(new)}

    def clear(self) -> None:
        """End the processes that share its cells, and remove what was written on this machine for a while."""
        if self._shards is not None:
            self._shards.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
