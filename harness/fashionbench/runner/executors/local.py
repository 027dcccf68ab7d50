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
from fashionbench.runner.executors.processors import THREADS, cores, gpus
from fashionbench.runner.executors.worker_pool import WorkerPool

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from fashionbench.runner.executors.contract import Event, Job, Setup
    from fashionbench.runner.executors.worker_pool import Messages

_PROGRAM = "from fashionbench.runner.executors.worker_process import main; main()"


class LocalOptions(ExecutorOptions):
    """Options of ``local``.

    ``workers`` is the number of processes; with 1 there is this one alone. ``retries`` is how often a cell is tried
    again whose process was lost.
    """

    workers: int = Field(default=1, ge=1)
    retries: int = Field(default=1, ge=0)


def local_executor(options: Mapping[str, Any]) -> LocalExecutor | None:
    """Make the executor; None for one worker, which is this process."""
    read = LocalOptions.read(options, "local")
    return LocalExecutor(read) if read.workers > 1 else None


class LocalExecutor:
    """Runs jobs in processes of this machine, which end with this one, however that ends."""

    def __init__(self, options: LocalOptions) -> None:
        self._options = options

    def run(self, jobs: Sequence[Job], setup: Setup) -> Generator[Event]:
        """Run jobs.

        :raises ConfigError: where there are fewer GPUs than workers, or the store is known to this process alone.
        """
        check_store(setup.store)
        shares = _shares(self._options.workers, setup.device)
        fields = setup_fields(setup)

        def start(place: int, number: int, _job: Job, messages: Messages) -> WorkerProcess:
            return WorkerProcess(fields, {**os.environ, **shares[place]}, number, messages)

        places = min(self._options.workers, max(1, len(jobs)))
        yield from WorkerPool(start, places, self._options.retries).run(jobs, setup.reporter)


def check_store(store: Store) -> None:
    """Check that another process can open a store.

    :raises ConfigError: where a plugin opened it, which other processes know nothing of.
    """
    if type(store) is not Store:
        msg = f"workers cannot open the store {store.root}, which a plugin opened"
        raise ConfigError(msg, remedy="run with one worker, or name a folder as the store")


def setup_fields(setup: Setup) -> dict[str, Any]:
    """Return what a worker must be told."""
    return {
        "config": setup.plan.config.model_dump(mode="json", exclude={"board", "executor"}),
        "store": str(setup.store.root),
        "command": sys.argv,
    }


def _shares(workers: int, device: str) -> list[dict[str, str]]:
    """Return what is set in the environment of each worker.

    :raises ConfigError: where there are fewer GPUs than workers.
    """
    # Unless the user has said how many, for threads that wait for each other's cores take several times as long.
    said = any(name in os.environ for name in THREADS)
    threads = {} if said else dict.fromkeys(THREADS, str(max(1, cores() // workers)))
    if device == "cpu":
        return [threads] * workers
    found = gpus() if device == "cuda" else []
    if len(found) < workers:
        has = f"{len(found)} GPUs" if device == "cuda" else f"the device {device}"
        msg = f"there are {workers} workers and {has}: two models on one would share its memory"
        raise ConfigError(msg, remedy="take as many workers as there are GPUs, or --device cpu")
    return [{**threads, "CUDA_VISIBLE_DEVICES": found[at]} for at in range(workers)]


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
        messages.put((number, ["gone", f"its worker process {_ending(self._process.wait())}"]))


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
