"""Run cells on a Ray cluster, or on one that is started on this machine for as long as the run takes."""

from __future__ import annotations

import contextlib
import os
import queue
import secrets
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

from pydantic import Field

from fashionbench import files
from fashionbench.errors import ConfigError, ExecutorError
from fashionbench.runner.executors.choice import ExecutorOptions
from fashionbench.runner.executors.local import check_store, setup_fields
from fashionbench.runner.executors.processors import cores, gpus_each
from fashionbench.runner.executors.ray_worker import RayWorker
from fashionbench.runner.executors.worker_pool import WorkerPool
from fashionbench.runner.trained_models import TASK, folder_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from fashionbench.records.store import Store
    from fashionbench.runner.executors.contract import Event, Job, Setup
    from fashionbench.runner.executors.worker_pool import Messages
    from fashionbench.specs.resources import Resources

#: Seconds between two looks at the progress of a worker.
_PAUSE = 0.5
#: Seconds to wait for an answer of a cluster.
_PATIENCE = 20
#: How many seconds a worker has to remove what it wrote on its machine before it is ended.
_TIDY = 5
_ADDRESS_REMEDY = "check the option address, such as ray://host:10001 or host:6379, and that the cluster is up"


class RayOptions(ExecutorOptions):
    """Options of ``ray``.

    ``address`` is that of a running cluster; without one a cluster of this machine is started. ``workers`` is how many
    cells run at once, 0 for as many as there are cores; ``shards`` how many actors share the items of each cell, each
    with what its backend declares; ``retries`` how often a cell is tried again whose worker or machine was lost.
    ``runtime_env`` is Ray's, such as ``{working_dir: .}``, which brings the files of a folder. ``share_store`` says
    whether workers that see the folder of the store may write predictions there.
    """

    address: str = ""
    workers: int = Field(default=0, ge=0)
    shards: int = Field(default=1, ge=1)
    retries: int = Field(default=3, ge=0)
    runtime_env: dict[str, Any] = Field(default_factory=dict)
    share_store: bool = True


def ray_executor(options: Mapping[str, Any]) -> RayExecutor:
    """Make the executor."""
    return RayExecutor(RayOptions.read(options, "ray"))


class RayExecutor:
    """Runs jobs as tasks of actors, which have what their backend declares, and keep it loaded."""

    def __init__(self, options: RayOptions) -> None:
        self._options = options

    def run(self, jobs: Sequence[Job], setup: Setup) -> Generator[Event]:
        """Run jobs.

        :raises ExecutorError: where the cluster cannot be reached.
        :raises ConfigError: where no machine of it has what a job needs.
        """
        import ray  # noqa: PLC0415

        check_store(setup.store)
        with _connected(self._options), _seen(setup.store) as seen:
            total = ray.cluster_resources()
            shards = self._options.shards
            if total.get("GPU"):
                gpus_each(jobs)
            for job in jobs:
                _check_feasible(job, [node["Resources"] for node in ray.nodes() if node["Alive"]], shards)
            fields = {
                **setup_fields(setup, shards),
                "store": str(setup.store.root.resolve()),
                "folder": os.getcwd(),  # noqa: PTH109
                "brought": "working_dir" in self._options.runtime_env,
                "seen": str(seen) if self._options.share_store else "",
            }

            def start(_place: int, number: int, job: Job, messages: Messages) -> RayHandle:
                return RayHandle(fields, job.resources, setup, number, messages, gpus=bool(total.get("GPU")))

            places = min(self._options.workers or max(1, int(total.get("CPU", 1)) // shards), max(1, len(jobs)))
            pool = WorkerPool(start, places, self._options.retries, release=True)
            yield from pool.run(jobs, setup.reporter)


@contextlib.contextmanager
def _connected(options: RayOptions) -> Iterator[None]:
    """Join a cluster, or start one; one that this process has joined already is used as it is."""
    # It would tell its makers of each start, and change what a worker without GPU sees.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray  # noqa: PLC0415

    if ray.is_initialized():
        yield
        return
    here: dict[str, Any] = {} if options.address else {"num_cpus": cores(), "include_dashboard": False}
    _check_address(options.address)
    heeded = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        # "local" starts a cluster, also where another one is running on this machine.
        ray.init(
            address=options.address or "local", runtime_env=options.runtime_env or None, logging_level="WARNING", **here
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        msg = f"the Ray cluster {options.address or 'of this machine'} cannot be used: {error}"
        raise ExecutorError(msg, remedy=_ADDRESS_REMEDY) from error
    if threading.current_thread() is threading.main_thread():
        for number, handler in heeded.items():
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Look whether anything listens there, for which Ray itself waits for minutes.

    :raises ExecutorError: where nothing does.
    """
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except (OSError, OverflowError) as error:
        raise ExecutorError(f"the Ray cluster {address} cannot be used: {error}", remedy=_ADDRESS_REMEDY) from error


@contextlib.contextmanager
def _seen(store: Store) -> Iterator[Path]:
    """Put a file into the store, by which a worker knows whether it sees it."""
    path = store.cache / f"seen-{secrets.token_hex(8)}"
    files.write_bytes(path.resolve(), b"")
    try:
        yield path.resolve()
    finally:
        path.unlink(missing_ok=True)


def _check_feasible(job: Job, nodes: Sequence[Mapping[str, float]], shards: int = 1) -> None:
    """Check that a machine has what a job needs, which Ray would wait for without end; several have it for its shards.

    :raises ConfigError: where none has, or not so many.
    """
    wanted = {"CPU": job.resources.cpus, "memory": float(job.resources.memory)}
    if any(node.get("GPU") for node in nodes):
        wanted["GPU"] = job.resources.gpus
    if not any(all(node.get(name, 0.0) >= count for name, count in wanted.items()) for node in nodes):
        has = ", ".join(map(_said, nodes))
        raise ConfigError(
            f"{job.name} needs {_said(wanted)} of one machine", remedy=f"the machines of the cluster have: {has}"
        )
    needed = {name: count for name, count in wanted.items() if count}
    if job.training is None and shards > 1 and needed:
        room = sum(min(int(node.get(name, 0.0) // count) for name, count in needed.items()) for node in nodes)
        if room < shards:
            msg = f"{job.name} is to be shared by {shards} actors, and the cluster has room for {room}"
            raise ConfigError(msg, remedy="lower the option shards, or add machines")


def _said(machine: Mapping[str, float]) -> str:
    """Say what a machine has, or is to have."""
    gpus = f", {machine['GPU']:g} GPUs" if machine.get("GPU") else ""
    return f"{machine.get('CPU', 0):g} cores{gpus} and {machine.get('memory', 0) / 2**30:.1f} GiB"


class RayHandle:
    """A worker on a cluster, as the run sees it.

    :param gpus: whether the cluster has any.
    """

    def __init__(
        self, fields: dict[str, Any], resources: Resources, setup: Setup, number: int, messages: Messages, *, gpus: bool
    ) -> None:
        import ray  # noqa: PLC0415

        needs = {"num_cpus": resources.cpus, "num_gpus": resources.gpus if gpus else 0}
        memory = {"memory": resources.memory} if resources.memory else {}
        self._group = None if fields["shards"] == 1 else _group({**needs, **memory}, fields["shards"])
        if self._group is not None:
            # The actors have what the backend declares, and the worker that asks them has nothing.
            fields = {**fields, "needs": {**needs, **memory}}
            needs, memory = {"num_cpus": 0, "scheduling_strategy": _strategy(self._group)}, {}
        self._resources = resources
        self._setup = setup
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._actor = ray.remote(RayWorker).options(max_concurrency=4, max_restarts=0, **needs, **memory).remote(fields)
        threading.Thread(target=self._watch, args=(number, messages), daemon=True).start()

    def fits(self, job: Job) -> bool:
        """Tell whether it has what a job needs."""
        return job.resources == self._resources

    def send(self, job: Job) -> None:
        """Give it a job."""
        self._jobs.put(job)

    def end(self) -> None:
        """End it at once."""
        import ray  # noqa: PLC0415

        self._jobs.put(None)
        with contextlib.suppress(Exception):  # one that is gone already, or a cluster that is
            ray.get(self._actor.clear.remote(), timeout=_TIDY)
        with contextlib.suppress(Exception):
            ray.kill(self._actor)
        if self._group is not None:
            with contextlib.suppress(Exception):
                ray.util.remove_placement_group(self._group)

    def _watch(self, number: int, messages: Messages) -> None:
        """Send the jobs, one after the other, and say what the worker says."""
        import ray  # noqa: PLC0415

        try:
            shared = ray.get(self._actor.shares_store.remote())
            while (job := self._jobs.get()) is not None:
                brought = {} if shared else _needed(self._setup, job)
                task = self._actor.do.remote(job.key, brought)
                while not ray.wait([task], timeout=_PAUSE)[0]:
                    self._relay(number, messages)
                answer = ray.get(task)
                self._relay(number, messages)
                for name, content in answer["files"].items():
                    path = self._setup.store.root / name
                    if not path.is_file():
                        files.write_bytes(path, content)
                messages.put((number, answer["said"]))
        except OSError as error:  # of the store
            messages.put((number, ["disk", error.errno, error.strerror or str(error), str(error.filename or "")]))
        except Exception as error:  # whatever Ray says of a worker or a machine that is gone
            said = str(error).strip().partition("\n")[0]
            messages.put((number, ["gone", f"its worker on the cluster is gone ({type(error).__name__}: {said})"]))

    def _relay(self, number: int, messages: Messages) -> None:
        import ray  # noqa: PLC0415

        for said in ray.get(self._actor.heard.remote()):
            messages.put((number, said))


def _group(needs: Mapping[str, float], shards: int) -> Any:
    """Reserve what the actors of a cell need, all of it or nothing, so that two cells never wait for each other."""
    from ray.util.placement_group import placement_group  # noqa: PLC0415

    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    bundle = {names[name]: count for name, count in needs.items() if count} or {"CPU": 0.001}
    return placement_group([bundle] * shards, strategy="PACK")


def _strategy(group: Any) -> Any:
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy  # noqa: PLC0415

    return PlacementGroupSchedulingStrategy(group, placement_group_capture_child_tasks=True)


def _needed(setup: Setup, job: Job) -> dict[str, bytes]:
    """Read what a job needs of the store: the models of its trainings, with their records."""
    found: dict[str, bytes] = {}
    cell = None if job.at is None else setup.plan.cells[job.at]
    for training in cell.trainings.values() if cell is not None else ():
        for record in setup.store.of_backend(TASK, training.trainer.id):
            folder = folder_of(training, record.cell, setup.store.root / "models")
            if record.error is None and record.training is not None and folder.is_dir():
                paths = [setup.store.path_of(record), *(path for path in sorted(folder.rglob("*")) if path.is_file())]
                found |= {path.relative_to(setup.store.root).as_posix(): path.read_bytes() for path in paths}
    return found
