"""Run cells in this process, or in several on this machine, each with its share of threads or one GPU."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fashionbench.errors import ConfigError
from fashionbench.records.store import Store
from fashionbench.runner.executors.choice import ExecutorOptions
from fashionbench.runner.executors.process_ending import ending
from fashionbench.runner.executors.processors import THREADS, cores, environments_of, gpus_each
from fashionbench.runner.executors.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from fashionbench.runner.executors.contract import Event, Job, Setup
    from fashionbench.runner.executors.worker_pool import Messages

_PROGRAM = "from fashionbench.runner.executors.worker_process import main; main()"


class LocalOptions(ExecutorOptions):
    """Options of ``local``.

    ``workers`` is the number of processes; with 1 there is this one alone. ``shards`` is the number of processes that
    share the items of each cell. ``retries`` is how often a cell is tried again whose process was lost.
    """

    workers: int = Field(default=1, ge=1)
    shards: int = Field(default=1, ge=1)
    retries: int = Field(default=1, ge=0)


def local_executor(options: Mapping[str, Any]) -> LocalExecutor | None:
    """Make the executor; None for one worker that shares its cells with nobody, which is this process."""
    read = LocalOptions.read(options, "local")
    return LocalExecutor(read) if read.workers > 1 or read.shards > 1 else None


class LocalExecutor:
    """Runs jobs in processes of this machine, which end with this one, however that ends."""

    def __init__(self, options: LocalOptions) -> None:
        self._options = options

    def run(self, jobs: Sequence[Job], setup: Setup) -> Generator[Event]:
        """Run jobs.

        :raises ConfigError: where there are fewer GPUs than processes that compute, or the store is known to this
            process alone.
        """
        check_store(setup.store)
        workers, shards = self._options.workers, self._options.shards
        # On a processor nothing is divided but threads.
        each = 1 if setup.device == "cpu" else gpus_each(jobs)
        shares = _shares(workers, setup.device, shards, each)
        fields = setup_fields(setup, shards, each)
        if shares[0].get(THREADS[0]):  # which the processes of a worker divide
            fields["shard_threads"] = max(1, cores() // (workers * shards))

        def start(place: int, number: int, _job: Job, messages: Messages) -> WorkerProcess:
            return WorkerProcess(fields, {**os.environ, **shares[place]}, number, messages)

        places = min(workers, max(1, len(jobs)))
        yield from WorkerPool(start, places, self._options.retries).run(jobs, setup.reporter)


def check_store(store: Store) -> None:
    """Check that another process can open a store.

    :raises ConfigError: where a plugin opened it, which other processes know nothing of.
    """
    if type(store) is not Store:
        msg = f"workers cannot open the store {store.root}, which a plugin opened"
        raise ConfigError(msg, remedy="run with one worker and no shards, or name a folder as the store")


def setup_fields(setup: Setup, shards: int = 1, each: int = 1) -> dict[str, Any]:
    """Return what a worker must be told.

    :param shards: how many processes share each cell.
    :param each: how many GPUs each of them is shown.
    """
    return {
        "config": setup.plan.config.model_dump(mode="json", exclude={"board", "executor"}),
        "store": str(setup.store.root),
        "command": sys.argv,
        "shards": shards,
        "shard_gpus": each,
    }


def _shares(workers: int, device: str, shards: int = 1, each: int = 1) -> list[dict[str, str]]:
    """Return what is set in the environment of each worker.

    :param shards: how many processes share the cells of each; it divides its GPUs among them.
    :param each: how many GPUs each process that computes is shown.
    :raises ConfigError: where there are fewer GPUs than processes that compute.
    """
    alone = environments_of(workers, "cpu")
    if device == "cpu":
        return alone
    shown = [share["CUDA_VISIBLE_DEVICES"] for share in environments_of(workers * shards, device, each=each)]
    parts = [",".join(shown[at * shards : (at + 1) * shards]) for at in range(workers)]
    return [{**threads, "CUDA_VISIBLE_DEVICES": part} for threads, part in zip(alone, parts, strict=True)]


class WorkerProcess:
    """A worker in a process of this machine.

    :param fields: what it is told first.
    """

    def __init__(self, fields: Mapping[str, Any], environment: dict[str, str], number: int, messages: Messages) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            # Nothing is imported from where the user stands.
            [sys.executable, "-P", "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
            # Ctrl-C of a terminal is for the run, which then ends this group as a whole.
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(number, messages), daemon=True).start()
        self._write(json.dumps(fields))

    def fits(self, _job: Job) -> bool:
        """Take every job."""
        return True

    def send(self, job: Job) -> None:
        """Give it a job."""
        self._write(job.key)

    def end(self) -> None:
        """End it at once, and what it has started."""
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _write(self, line: str) -> None:
        # One that is gone says so by the end of its output.
        with contextlib.suppress(OSError, ValueError):
            if self._process.stdin is not None:
                self._process.stdin.write(line + "\n")
                self._process.stdin.flush()

    def _read(self, number: int, messages: Messages) -> None:
        if self._process.stdout is None:
            return
        with self._process.stdout as lines:
            for line in lines:
                # Half a line is the last of a process that was killed.
                with contextlib.suppress(ValueError):
                    messages.put((number, json.loads(line)))
        messages.put((number, ["gone", f"its worker process {ending(self._process.wait())}"]))
