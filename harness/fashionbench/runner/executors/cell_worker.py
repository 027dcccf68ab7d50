"""Execute the cells and trainings of a run, one after the other, wherever a worker is."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ExecutorError, UnknownNameError
from fashionbench.plugins.manager import Plugins
from fashionbench.progress import Silent
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.config import make_config
from fashionbench.runner.executors.contract import cell_key
from fashionbench.runner.loaded_backend import LoadedBackend
from fashionbench.runner.plan import make_plan

if TYPE_CHECKING:
    from types import TracebackType

    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.runner.executors.outcome_store import OutcomeStore

_REMEDY = "a class of this process alone cannot travel: name it as FILE.py:CLASS; change no code during a run"


class CellWorker:
    """Plans the same run as who sent it the jobs, and executes those that it is sent.

    :param config: the fields of the run's configuration.
    :param reporter: takes the progress.
    :raises FashionBenchError: where it cannot plan the run.
    """

    def __init__(self, config: dict[str, Any], store: OutcomeStore, reporter: Reporter) -> None:
        plugins = Plugins()
        plugins.warn = reporter.note
        chosen = make_config(config)
        roots = DataRoots(named=chosen.data, cache=store.cache / "surveys")
        try:
            with FileIndex(roots.index) as index:
                plan = make_plan(chosen, plugins, index)
        except UnknownNameError as error:
            raise ExecutorError(
                f"a worker does not know what the run knows: {error.message}", remedy=_REMEDY
            ) from error
        self._store = store
        self._reporter = reporter
        self._cells = {cell_key(cell): cell for cell in plan.cells}
        self._trainings = {training.id({}): training for training in plan.trainings}
        self._work = CellWork(plan, plugins, store, roots, lambda _hook, _event: None)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._context = self._stack.enter_context(self._work.context(self._reporter, loaded=LoadedBackend()))
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
            raise ExecutorError("a worker plans other cells than the run that sent it one", remedy=_REMEDY)
        record, _ = self._work.execute(self._cells[key], self._context)
        return record
