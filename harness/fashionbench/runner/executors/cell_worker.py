"""Execute the cells and trainings of a run, one after the other, wherever a worker is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from fashionbench.data.roots import DataRoots
from fashionbench.errors import ExecutorError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.config import make_config
from fashionbench.runner.executors.contract import cell_key
from fashionbench.runner.executors.worker_plan import PLAN_REMEDY, worker_plan
from fashionbench.runner.loaded_backend import LoadedBackend

if TYPE_CHECKING:
    from types import TracebackType

    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.runner.executors.outcome_store import OutcomeStore
    from fashionbench.runner.sharded_backend import BackendShards


class CellWorker:
    """Plans the same run as who sent it the jobs, and executes those that it is sent.

    :param config: the fields of the run's configuration.
    :param reporter: takes the progress.
    :param shards: processes that share each cell; None where this one answers it alone. They end with this worker.
    :raises FashionBenchError: where it cannot plan the run.
    """

    def __init__(
        self, config: dict[str, Any], store: OutcomeStore, reporter: Reporter, shards: BackendShards | None = None
    ) -> None:
        plugins = Plugins()
        plugins.warn = reporter.note
        chosen = make_config(config)
        roots = DataRoots(named=chosen.data, cache=store.cache / "surveys")
        plan = worker_plan(chosen, plugins, roots)
        self._store = store
        self._shards = shards
        self._reporter = reporter
        self._cells = {cell_key(cell): cell for cell in plan.cells}
        self._trainings = {training.id({}): training for training in plan.trainings}
        self._work = CellWork(plan, plugins, store, roots, lambda _hook, _event: None)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._context = self._stack.enter_context(
            self._work.context(self._reporter, loaded=LoadedBackend(), shards=self._shards)
        )
        if self._shards is not None:
            self._stack.callback(self._shards.close)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def do(self, key: str) -> Record:
        """Execute a job, and return its record, which is not stored.

        :raises ExecutorError: where this worker plans other jobs.
        :raises OSError: where the store takes no more.
        """
        self._store.outcomes.clear()
        if key in self._trainings:
            training = self._trainings[key]
            model = self._work.train(training, self._context)
            # For cells that this worker is sent next; the run tells of it.
            self._work.settle(training, model, Silent())
            if model.record is None:
                raise model.error or ExecutorError(f"{training.name} came to nothing")
            return model.record
        if key not in self._cells:
            raise ExecutorError("a worker plans other cells than the run that sent it one", remedy=PLAN_REMEDY)
        if self._shards is not None:
            self._shards.begin(key)
        record, _ = self._work.execute(self._cells[key], self._context)
        return record
