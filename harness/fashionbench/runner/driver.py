"""Run a plan: reuse what the store holds, let an executor do the rest, and write the records; nobody else does."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.boards.selection import place_of
from fashionbench.canonical import short
from fashionbench.data.roots import DataRoots
from fashionbench.errors import ExecutorError, FashionBenchError, StoreError, as_error, message_of
from fashionbench.files import stop_if_full
from fashionbench.interrupts import check, watched
from fashionbench.plugins.events import CellEnd, CellError, CellStart, RunEnd, RunStart
from fashionbench.progress import Reporter, Silent
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.execute import execute
from fashionbench.runner.executors.choice import make_executor
from fashionbench.runner.executors.contract import LOST_REMEDY, Begun, Finished, Job, Lost, Setup, reported
from fashionbench.runner.executors.training_process import pays, training_process
from fashionbench.runner.outdated_metrics import outdated
from fashionbench.runner.rescoring import rescored
from fashionbench.runner.trained_models import TrainedModel, folder_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.execute import RunContext
    from fashionbench.runner.executors.contract import Executor
    from fashionbench.runner.plan import Cell, Plan, TrainingCell
    from fashionbench.runner.task import Task


@dataclass(frozen=True, slots=True)
class Preview:
    """What a dry run knows of a cell.

    :param reused: whether the store has its record.
    :param seconds: a guess of what it will cost, from earlier records of the backend; None where there is none.
    :param problem: why its data cannot be opened, or empty.
    :param trainings: a guess for each training that it needs and that is not done, by what tells trainings apart.
    """

    cell: Cell
    items: int | None
    reused: bool
    seconds: float | None
    problem: str = ""
    trainings: Mapping[str, float | None] = field(default_factory=dict)


class Runner:
    """Runs a plan.

    :param rerun: execute every cell, also where the store has its record; the new record supersedes the old one.
    :param closed: why the store cannot be written; its records are reused, and a cell that it has none of is an error.
    :param second_process: whether models may be trained in one, which knows the plugins that are installed alone.
    :param roots: of the data; by default those that the plan names, remembered in the store's cache.
    """

    def __init__(
        self,
        plan: Plan,
        plugins: Plugins,
        store: Store,
        *,
        rerun: bool = False,
        second_process: bool = False,
        roots: DataRoots | None = None,
        closed: StoreError | None = None,
    ) -> None:
        self.plan = plan
        self.plugins = plugins
        self.store = store
        self.rerun = rerun
        self._second_process = second_process
        self._closed = closed
        roots = roots or DataRoots(named=plan.config.data, cache=store.cache / "surveys")
        self._work = CellWork(plan, plugins, store, roots, plugins.notify)

    def run(self, reporter: Reporter | None = None) -> list[Record]:
        """Give back one record a cell, in the order of the plan.

        :raises OSError: where the store cannot be written, such as on a full disk; what was finished is stored.
        :raises StoreError: where the store was closed from the beginning, and a cell has no record there.
        """
        shown = reporter or Silent()
        if reporter is not None:
            self.plugins.warn = reporter.note  # else to standard error, for a warning must not be lost
        names = (*(one.name for one in self.plan.trainings), *(one.name for one in self.plan.cells))
        shown.expect(len(self.plan.cells))
        self.plugins.notify("on_run_start", RunStart(names))
        records: dict[int, Record] = {}
        try:
            with watched(), self._work.context(shown, cached=self._closed is None) as context:
                executor = None if self._closed is not None else make_executor(self.plan.config.executor, self.plugins)
                if executor is None:
                    self._here(context, records)
                else:
                    self._by(executor, context, records)
        finally:
            in_order = [records[at] for at in sorted(records)]
            self.plugins.notify("on_run_end", RunEnd(tuple(in_order)))
        return in_order

    def _here(self, context: RunContext, records: dict[int, Record]) -> None:
        """Run the cells in this process, one after the other."""
        with self._training(context.device) as wait:
            # Cells that need a model come last where it is trained meanwhile.
            waits = [wait is not None and bool(cell.trainings) for cell in self.plan.cells]
            for at in sorted(range(len(waits)), key=waits.__getitem__):
                if waits[at] and wait is not None:
                    wait(context.reporter)
                records[at] = self._one(self.plan.cells[at], context)
                check()

    def _by(self, executor: Executor, context: RunContext, records: dict[int, Record]) -> None:
        """Reuse what is known, give the rest to an executor, and write what it gives back."""
        jobs, open_cells = self._jobs(context, records)
        setup = Setup(self.plan, self.store, context.device, context.reporter, self.plugins)
        # Closed here and at once, however the loop ends: workers must not outlive it.
        with closing(executor.run(jobs, setup)) as events:
            for event in events if jobs else ():
                match event:
                    case Begun(job):
                        self.plugins.notify("on_cell_start", CellStart(job.name))
                    case Finished(job, record) if job.training is not None:
                        self._settle(job.training, record, context)
                    case Finished(job, record):
                        records[open_cells.pop(job.key)] = self._stored(job, record, context)
                    case Lost(job, reason) if job.training is not None:
                        fault = ExecutorError(reason, remedy=LOST_REMEDY)
                        lost = TrainedModel(None, self._work.training_id(job.training), None, fault)
                        self._work.settle(job.training, lost, context.reporter)
                    case Lost(job, reason):
                        at = open_cells.pop(job.key)
                        cell = self._work.identified(self.plan.cells[at])
                        record, _ = execute(cell, ExecutorError(reason, remedy=LOST_REMEDY), context)
                        records[at] = self._told(job, record, context)
                check()
        # What nobody was given: cells of trainings that failed, each an error with that reason.
        for at in sorted(open_cells.values()):
            records[at] = self._one(self.plan.cells[at], context)

    def _jobs(self, context: RunContext, records: dict[int, Record]) -> tuple[list[Job], dict[str, int]]:
        """Reuse the records of known cells; return what is to be done, and the places of cells by the keys of jobs."""
        costs = EarlierCosts(self.store.scan().current())
        trainings: dict[str, Job] = {}
        jobs: list[Job] = []
        places: dict[str, int] = {}
        for at, cell in enumerate(self.plan.cells):
            identified = self._work.identified(cell)
            known = None if self.rerun else self._work.known(identified)
            if known is not None or isinstance(self._work.task(cell.task.id), Exception):
                records[at] = self._one(cell, context)
                check()
                continue
            needs = []
            for one in cell.trainings.values():
                if self._work.is_open(one, context):
                    job = trainings.setdefault(one.id({}), Job.of_training(one, costs))
                    needs.append(job.key)
            job = Job.of_cell(at, cell, needs, costs)
            jobs.append(job)
            places[job.key] = at
        return [*trainings.values(), *jobs], places

    def _settle(self, training: TrainingCell, record: Record, context: RunContext) -> None:
        """Store the record of a training, so that the cells that wait for its model find it."""
        stored = self.store.add_newest(record)
        folder = folder_of(training, stored.cell, self.store.root / "models")
        model = TrainedModel(None if stored.error else folder, stored.cell, stored, reported(stored))
        self._work.settle(training, model, context.reporter)

    def _stored(self, job: Job, record: Record, context: RunContext) -> Record:
        return self._told(job, self.store.add_newest(record), context)

    def _told(self, job: Job, record: Record, context: RunContext) -> Record:
        """Tell observers and people what became of a cell."""
        error = reported(record)
        context.reporter.begin(str(job.name))
        if error is None:
            self.plugins.notify("on_cell_end", CellEnd(job.name, record, reused=False))
            context.reporter.end(f"done in {record.cost.wall_s:.1f} s")
        else:
            self.plugins.notify("on_cell_error", CellError(job.name, record, error))
            context.reporter.end(f"FAILED: {message_of(error)}")
        return record

    @contextmanager
    def _training(self, device: str) -> Iterator[Callable[[Reporter], object] | None]:
        """Train in a second process where that saves time; gives what waits for it, or None."""
        if self._closed is not None or not (self._second_process and pays(self.plan, self.store, device)):
            yield None
            return
        with training_process(self.plan, self.store) as wait:
            yield wait

    def preview(self) -> Iterator[Preview]:
        """Say what :meth:`run` would do; data are opened and fingerprinted, backends are not."""
        costs = EarlierCosts(self.store.scan().current())
        for cell in self.plan.cells:
            task = self._work.task(cell.task.id)
            if isinstance(task, Exception):
                yield Preview(cell, None, reused=False, seconds=None, problem=str(task))
                continue
            sizes = task.info().sizes
            items = sum(sizes.values())
            guess = costs.known(cell.task.id, cell.backend.id, items)
            reused = self._work.known(self._work.identified(cell)) is not None
            yield Preview(
                cell, items, reused=reused, seconds=guess, trainings={} if reused else self._open_trainings(cell, costs)
            )

    def _open_trainings(self, cell: Cell, costs: EarlierCosts) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for one in cell.trainings.values():
            try:
                done = self._work.is_done(one)
            except BaseException as error:  # the cell fails with it
                as_error(error)
                done = True
            if not done:
                found[one.id({})] = costs.known(one.name.task, one.name.backend)
        return found

    def _one(self, cell: Cell, context: RunContext) -> Record:
        task = self._work.task(cell.task.id)
        shown = context.reporter
        shown.begin(str(cell.name))
        identified = self._work.identified(cell)
        known = self._work.known(identified)
        if known is not None and not self.rerun:
            return self._reuse(identified, task, known, context)
        if self._closed is not None:
            msg = f"{cell.name} has no record to reuse, and {self._closed.message}"
            raise StoreError(msg, remedy=self._closed.remedy)
        record, error = self._work.execute(cell, context)
        if error is None:
            self.plugins.notify("on_cell_end", CellEnd(cell.name, record, reused=False))
            shown.end(f"done in {record.cost.wall_s:.1f} s")
        else:
            self.plugins.notify("on_cell_error", CellError(cell.name, record, error))
            shown.end(f"FAILED: {message_of(error)}")
        return record

    def _reuse(self, cell: Cell, task: Task | Exception, known: Record, context: RunContext) -> Record:
        """Return a known record, with metrics computed that it lacks or has by an older implementation."""
        record, outcome = known, f"reused {short(known.record_id)}"
        names = outdated(
            known,
            cell.task,
            self.plugins.metrics,
            fingerprint=context.extractors.fingerprint,
            can_load=context.extractors.can_load,
        )
        if names and known.dataset is not None:
            opened = None if isinstance(task, Exception) else task
            try:
                record = rescored(
                    known,
                    cell.task,
                    names,
                    cell.identity.question(known.dataset.fingerprint),
                    self.plugins,
                    self.store,
                    context.facts,
                    images=lambda predictions: context.image_access(predictions, opened),
                    reporter=context.reporter,
                )
            except (FashionBenchError, OSError) as error:
                stop_if_full(error)
                context.reporter.note(f"warning: {cell.name} was not rescored: {error}")
            if record is not known:
                computed = ", ".join(name for name in names if record.metric(name) != known.metric(name))
                outcome = f"reused {short(known.record_id)}, computed {computed}"
        record = self._shown(record, context)
        self.plugins.notify("on_cell_end", CellEnd(cell.name, record, reused=True))
        context.reporter.end(outcome)
        return record

    def _shown(self, record: Record, context: RunContext) -> Record:
        """Put a reused record behind a newer one that stands in its place, such as one of other code, and return it.

        What a run calls reused is what its board shows.
        """
        of_backend = self.store.of_backend(record.task.id, record.backend.id)
        rivals = [other for other in of_backend if other.status != "error" and place_of(other) == place_of(record)]
        if not rivals or rivals[-1].record_id == record.record_id:
            return record
        newer = short(rivals[-1].record_id)
        try:
            moved = self.store.add(record.model_copy(update={"supersedes": record.record_id}))
        except (OSError, StoreError) as error:
            stop_if_full(error)
            said = f"{short(record.record_id)} is reused, and boards show the newer {newer}"
            reason = error.message if isinstance(error, StoreError) else error.strerror or error
            context.reporter.note(f"warning: {said}: the store cannot be written: {reason}")
            return record
        context.reporter.note(f"{short(record.record_id)} is reused, and shown again in the place of the newer {newer}")
        return moved
