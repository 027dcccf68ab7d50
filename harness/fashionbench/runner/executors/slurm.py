"""Run cells as an array job of Slurm, a task for each shard; submitit submits it."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from fashionbench.errors import ExecutorError
from fashionbench.json_reader import read_object
from fashionbench.records.schema import Record
from fashionbench.runner.executors.choice import ExecutorOptions
from fashionbench.runner.executors.contract import Begun, Finished, Lost
from fashionbench.runner.executors.local import check_store, setup_fields
from fashionbench.runner.executors.processors import gpus_each
from fashionbench.runner.executors.slurm_task import begun_file, do_shard, outcome_file
from fashionbench.runner.sharding import Piece, divided

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from fashionbench.progress import Reporter
    from fashionbench.runner.executors.contract import Event, Job, Setup


#: Seconds to wait for processes that were told to end.
_PATIENCE = 20


class SlurmOptions(ExecutorOptions):
    """Options of ``slurm``.

    ``workers`` is the number of tasks of the array; ``shards`` how many processes of a task share the items of each
    cell, each with the cores and GPUs that its backend declares; ``minutes`` how long a task may take; ``retries`` how
    often a cell is tried again whose task was lost. ``parameters`` are submitit's, such as ``{slurm_partition: gpu}``.
    ``cluster`` is ``slurm``, or ``local`` to try a run on this machine. ``pause`` is how many seconds lie
    between two looks.
    """

    workers: int = Field(default=4, ge=1)
    shards: int = Field(default=1, ge=1)
    minutes: int = Field(default=1440, ge=1)
    retries: int = Field(default=1, ge=0)
    parameters: dict[str, Any] = Field(default_factory=dict)
    cluster: Literal["slurm", "local"] = "slurm"
    pause: float = Field(default=5.0, gt=0)


def slurm_executor(options: Mapping[str, Any]) -> SlurmExecutor:
    """Make the executor."""
    return SlurmExecutor(SlurmOptions.read(options, "slurm"))


@dataclass(slots=True)
class _Task:
    """A task of the array: its job at submitit, and the jobs that it has not answered yet."""

    submitted: Any
    left: list[Job]


class SlurmExecutor:
    """Runs jobs in tasks that see the folder of the store."""

    def __init__(self, options: SlurmOptions) -> None:
        self._options = options
        self._begun: set[str] = set()
        self._lost: Counter[str] = Counter()

    def run(self, jobs: Sequence[Job], setup: Setup) -> Generator[Event]:
        """Run jobs; tasks that are not over are cancelled when it is closed.

        :raises ExecutorError: where nothing can be submitted.
        """
        if not jobs:
            return
        check_store(setup.store)
        folder = setup.store.cache.resolve() / f"slurm-{secrets.token_hex(6)}"
        (folder / "outcomes").mkdir(parents=True)
        on_gpus = setup.plan.config.device != "cpu"
        gpus = gpus_each(jobs) if on_gpus else 1
        executor = self._submitter(folder, jobs, on_gpus=on_gpus)
        fields = {**setup_fields(setup, self._options.shards, gpus), "store": str(setup.store.root.resolve())}
        setup.reporter.begin(f"{self._options.workers} tasks of {self._options.cluster}")
        setup.reporter.note(f"logs of the tasks: {folder}")
        tasks: list[_Task] = []
        try:
            tasks += self._submitted(executor, _shards(jobs, self._options.workers), fields, folder)
            while tasks:
                time.sleep(self._options.pause)
                for task in list(tasks):
                    # Looked at before the outcomes are: what a task wrote last is there when it is over.
                    over = task.submitted.done()
                    yield from self._heard(task, folder / "outcomes", setup.reporter)
                    if not over:
                        continue
                    tasks.remove(task)
                    if task.left:
                        yield from self._lost_one(task, folder / "outcomes", setup.reporter)
                        tasks += self._submitted(executor, [task.left] if task.left else [], fields, folder)
            shutil.rmtree(folder / "outcomes", ignore_errors=True)
        finally:
            for task in tasks:
                with contextlib.suppress(Exception):  # it is over meanwhile, or Slurm does not answer
                    task.submitted.cancel()
            self._wait_for_end(tasks)

    def _wait_for_end(self, tasks: Sequence[_Task]) -> None:
        """Wait until cancelled processes of this machine are gone; what Slurm cancels it ends by itself."""
        end = time.monotonic() + _PATIENCE
        while self._options.cluster == "local" and time.monotonic() < end:
            if all(task.submitted.done() for task in tasks):
                return
            time.sleep(self._options.pause)

    def _submitter(self, folder: Path, jobs: Sequence[Job], *, on_gpus: bool) -> Any:
        import submitit  # noqa: PLC0415

        needs, shards = [job.resources for job in jobs], self._options.shards
        memory = max(one.memory for one in needs) * shards
        gpus = round(max(one.gpus for one in needs)) * shards if on_gpus and self._options.cluster == "slurm" else 0
        # Nothing is imported from where the user stands, which python -m would do.
        python = f"{sys.executable} -P"
        try:
            executor = submitit.AutoExecutor(
                folder=folder / "%j", cluster=self._options.cluster, slurm_python=python, local_python=python
            )
            executor.update_parameters(
                name="fashionbench",
                timeout_min=self._options.minutes,
                cpus_per_task=max(1, round(max(one.cpus for one in needs))) * shards,
                gpus_per_node=gpus,
                **({"mem_gb": max(1, memory >> 30)} if memory else {}),
            )
            executor.update_parameters(**self._options.parameters)
        except (RuntimeError, NameError, ValueError, TypeError) as error:
            msg = f"{self._options.cluster} cannot be used: {error}"
            raise ExecutorError(msg, remedy="run where sbatch is, and check the option parameters") from error
        return executor

    def _submitted(
        self, executor: Any, shards: Sequence[list[Job]], fields: dict[str, Any], folder: Path
    ) -> list[_Task]:
        keys = [[job.key for job in shard] for shard in shards]
        if not keys:
            return []
        try:
            made = executor.map_array(do_shard, [fields] * len(keys), keys, [str(folder / "outcomes")] * len(keys))
        except Exception as error:
            msg = f"nothing could be submitted to {self._options.cluster}: {error}"
            raise ExecutorError(msg, remedy="check the option parameters, and the logs of Slurm") from error
        return [_Task(submitted, shard) for submitted, shard in zip(made, shards, strict=True)]

    def _heard(self, task: _Task, outcomes: Path, reporter: Reporter) -> Generator[Event]:
        """Take what a task has written since."""
        for job in list(task.left):
            if job.key not in self._begun and begun_file(outcomes, job.key).is_file():
                self._begun.add(job.key)
                yield Begun(job)
            path = outcome_file(outcomes, job.key)
            if not path.is_file():
                continue
            answer = read_object(path)
            for note in answer["notes"]:
                reporter.note(note)
            match answer["said"]:
                case ["done", _, dict() as fields]:
                    task.left.remove(job)
                    yield Finished(job, Record.model_validate(fields))
                case ["disk", error, text, name]:
                    raise OSError(error, text or os.strerror(error), name or None)
                case ["refused", message, remedy]:
                    raise ExecutorError(message, remedy=remedy)

    def _lost_one(self, task: _Task, outcomes: Path, reporter: Reporter) -> Generator[Event]:
        """Find the job at which a task was lost; it is tried again so and so often, and those behind it anyway."""
        job = next((one for one in reversed(task.left) if begun_file(outcomes, one.key).is_file()), task.left[0])
        reason = f"its task {task.submitted.job_id} was lost ({task.submitted.state})"
        self._lost[job.key] += 1
        begun_file(outcomes, job.key).unlink(missing_ok=True)
        if self._lost[job.key] <= self._options.retries:
            reporter.note(f"{job.name}: {reason}; it is tried again")
            return
        task.left.remove(job)
        if job.training is not None:
            task.left[:] = [one for one in task.left if job.key not in one.needs]
        yield Lost(job, f"{reason}; its logs: {task.submitted.paths.stderr}")


def _shards(jobs: Sequence[Job], count: int) -> list[list[Job]]:
    """Divide cells, each shard with the trainings that its cells need before them; what shares one stays together."""
    trainings = {job.key: job for job in jobs if job.training is not None}
    cells = [job for job in jobs if job.training is None]
    pieces = [Piece(job.key, job.seconds, {key: trainings[key].seconds for key in job.needs}) for job in cells]
    shards = []
    for places in divided(pieces, count):
        own = [cells[at] for at in places]
        needed = dict.fromkeys(key for job in own for key in job.needs)
        if own:
            shards.append([*(trainings[key] for key in needed), *own])
    return shards
