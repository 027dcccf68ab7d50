"""An executor for tests of the protocol: jobs are done in this process, in the order of the queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.hookspecs import hookimpl
from fashionbench.plugins.origin import Origin
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.executors.contract import Begun, Finished, Lost
from fashionbench.runner.executors.job_queue import JobQueue
from fashionbench.runner.executors.outcome_store import OutcomeStore
from fashionbench.specs import ExecutorSpec

if TYPE_CHECKING:
    from collections.abc import Generator

    from fashionbench.runner.executors.contract import Event, Job, Setup


class SameProcess:
    """Runs jobs; a plugin that registers itself as the executor ``same-process``.

    :param lose: backends whose jobs are lost.
    """

    made: SameProcess

    def __init__(self, lose=()):
        self.lose = lose
        self.given: list[str] = []
        self.options: Any = None
        self.closed = False
        SameProcess.made = self

    @hookimpl
    def register_executors(self):
        return [ExecutorSpec(id="same-process", summary="", target="same_process:the_one", options={"word": "a"})]

    def register(self, plugins):
        plugins.register(self, Origin("same-process", "tests", "1"))

    def run(self, jobs: list[Job], setup: Setup) -> Generator[Event]:
        waiting = JobQueue(jobs)
        store = OutcomeStore(setup.store.root)
        roots = setup.store.cache / "surveys"
        work = CellWork(setup.plan, setup.plugins, store, DataRoots(cache=roots), lambda *_: None)
        try:
            with work.context(setup.reporter) as context:
                while (job := waiting.take("")) is not None:
                    yield Begun(job)
                    self.given.append(str(job.name))
                    if job.name.backend in self.lose:
                        yield Lost(job, "its machine is gone")
                        waiting.done(job, failed=True)
                        continue
                    if job.training is not None:
                        record = work.train(job.training, context).record
                    else:
                        record, _ = work.execute(setup.plan.cells[job.at], context)
                    yield Finished(job, record)
                    waiting.done(job, failed=record.error is not None)
        finally:
            self.closed = True


def the_one(options):
    """Return the executor that was made last."""
    SameProcess.made.options = options
    return SameProcess.made
