"""Run a plan in this process: reuse what the store holds, train what cells depend on, execute the rest."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from fashionbench.boards.selection import place_of
from fashionbench.canonical import short
from fashionbench.data.file_index import FileIndex
from fashionbench.data.roots import DataRoots
from fashionbench.errors import FashionBenchError, StoreError, as_error, message_of
from fashionbench.files import stop_if_full
from fashionbench.interrupts import check, watched
from fashionbench.plugins.events import CellEnd, CellError, CellStart, RunEnd, RunStart
from fashionbench.progress import PhaseReporter, Reporter, Silent
from fashionbench.runner.device import resolve_device
from fashionbench.runner.earlier_costs import EarlierCosts
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.execute import RunContext, execute, process_facts
from fashionbench.runner.executors.training_process import pays, training_process
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.outdated_metrics import outdated
from fashionbench.runner.rescoring import rescored
from fashionbench.runner.trained_models import TrainedModel, failed, run_training
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.plan import Cell, Plan, TrainingCell
    from fashionbench.runner.task import Task


@dataclass(frozen=True, slots=True)
class Preview:
    """What a dry run knows of a cell.

    :param reused: whether the store has its record.
    :param seconds: a guess of what it will cost, from earlier records of the backend; None where there is none.
    :param problem: why its data cannot be opened, or empty.
    """

    cell: Cell
    items: int | None
    reused: bool
    seconds: float | None
    problem: str = ""


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
        self._roots = roots or DataRoots(named=plan.config.data, cache=store.cache / "surveys")
        self._tasks: dict[str, Task | Exception] = {}
        self._models: dict[str, TrainedModel] = {}

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
            with watched(), self._context(shown) as context, self._training(context.device) as wait:
                # Cells that need a model come last where it is trained meanwhile.
                waits = [wait is not None and bool(cell.trainings) for cell in self.plan.cells]
                for at in sorted(range(len(waits)), key=waits.__getitem__):
                    if waits[at] and wait is not None:
                        wait(shown)
                    records[at] = self._one(self.plan.cells[at], context)
                    check()
        finally:
            in_order = [records[at] for at in sorted(records)]
            self.plugins.notify("on_run_end", RunEnd(tuple(in_order)))
        return in_order

    def train(self, reporter: Reporter) -> None:
        """Train the models that cells need, and no more; the models' records are stored."""
        with self._context(reporter) as context:
            for training in self.plan.trainings:
                phases = PhaseReporter(reporter, str(training.name))
                run_training(training, self._fingerprints(training), context, self._roots, phases)

    @contextmanager
    def _context(self, reporter: Reporter) -> Iterator[RunContext]:
        """Open what all cells share."""
        device = resolve_device(self.plan.config.device)
        kept = self.plan.config.embedding_cache and self._closed is None
        cache = EmbeddingCache(self.store.cache / FILE) if kept else None
        with FileIndex(self._roots.index) as index:
            try:
                yield RunContext(
                    roots=self._roots,
                    plugins=self.plugins,
                    store=self.store,
                    facts=process_facts(self.plugins),
                    index=index,
                    extractors=ExtractorLoader(self.plugins, device),
                    device=device,
                    reporter=reporter,
                    batch_size=self.plan.config.batch_size,
                    cache=cache,
                )
            finally:
                if cache is not None:
                    cache.close()

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
            task = self._task(cell.task.id)
            if isinstance(task, Exception):
                yield Preview(cell, None, reused=False, seconds=None, problem=str(task))
                continue
            sizes = task.info().sizes
            items = sum(sizes.values())
            guess = costs.known(cell.task.id, cell.backend.id, items)
            yield Preview(cell, items, reused=self._known(self._identified(cell), task) is not None, seconds=guess)

    def _one(self, cell: Cell, context: RunContext) -> Record:
        task = self._task(cell.task.id)
        shown = context.reporter
        shown.begin(str(cell.name))
        identified = self._identified(cell)
        known = None if isinstance(task, Exception) else self._known(identified, task)
        if known is not None and not self.rerun:
            return self._reuse(identified, task, known, context)
        if self._closed is not None:
            msg = f"{cell.name} has no record to reuse, and {self._closed.message}"
            raise StoreError(msg, remedy=self._closed.remedy)
        if cell.trainings and not isinstance(task, Exception):
            identified, fault = self._trained(cell, context)
            task = fault or task
            shown.begin(str(cell.name))
        self.plugins.notify("on_cell_start", CellStart(cell.name))
        training = next((m.record.training for m in self._models_of(cell) if m.record is not None), None)
        record, error = execute(identified, task, context, training=training)
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
        except OSError as error:
            stop_if_full(error)
            said = f"{short(record.record_id)} is reused, and boards show the newer {newer}"
            context.reporter.note(f"warning: {said}: the store cannot be written: {error.strerror or error}")
            return record
        context.reporter.note(f"{short(record.record_id)} is reused, and shown again in the place of the newer {newer}")
        return moved

    def _trained(self, cell: Cell, context: RunContext) -> tuple[Cell, Exception | None]:
        """Train the models of a cell; a training that fails is the failure of every cell that depends on it."""
        folders: dict[str, str] = {}
        ids: dict[str, str] = {}
        for option, training in cell.trainings.items():
            model = self._model(training, context)
            ids[option] = model.training
            if model.folder is None:
                return cell.trained({}, ids), failed(model, training.trainer.id)
            folders[option] = str(model.folder)
        return cell.trained(folders, ids), None

    def _model(self, training: TrainingCell, context: RunContext) -> TrainedModel:
        try:
            fingerprints = self._fingerprints(training)
        except BaseException as error:
            fault = as_error(error)
            stop_if_full(fault)
            return TrainedModel(None, training.id({}), None, fault)
        key = training.id(fingerprints)
        if key not in self._models:
            self.plugins.notify("on_cell_start", CellStart(training.name))
            context.reporter.begin(str(training.name))
            phases = PhaseReporter(context.reporter, str(training.name))
            model = run_training(training, fingerprints, context, self._roots, phases)
            self._models[key] = model
            if model.record is not None and model.error is not None:
                self.plugins.notify("on_cell_error", CellError(training.name, model.record, model.error))
            elif model.record is not None:
                self.plugins.notify("on_cell_end", CellEnd(training.name, model.record, reused=False))
                context.reporter.note(f"{training.name}: done in {model.record.cost.wall_s:.0f} s")
        return self._models[key]

    def _models_of(self, cell: Cell) -> list[TrainedModel]:
        try:
            keys = [training.id(self._fingerprints(training)) for training in cell.trainings.values()]
        except BaseException as error:  # said when the cell was to be trained
            as_error(error)
            return []
        return [self._models[key] for key in keys if key in self._models]

    def _identified(self, cell: Cell) -> Cell:
        """Return the cell with the identity of the models that its trainings make, whether they were made or not."""
        try:
            ids = {name: one.id(self._fingerprints(one)) for name, one in cell.trainings.items()}
        except BaseException as error:  # data that cannot be opened: said when the cell is run
            as_error(error)
            return cell
        return cell.trained({}, ids) if ids else cell

    def _fingerprints(self, training: TrainingCell) -> dict[str, str]:
        """Fingerprint the data of a training, by task; by place where the trainer does not name its tasks."""
        if training.tasks is None:
            return {name: str(path) for name, path in self._roots.named.items()}
        fingerprints: dict[str, str] = {}
        for name in training.tasks:
            task = self._task(name)
            if isinstance(task, Exception):
                raise task
            fingerprints[name] = task.info().fingerprint
        return fingerprints

    def _known(self, cell: Cell, task: Task) -> Record | None:
        return self.store.find(cell.identity.cell_id(task.info().fingerprint), cell.task.id, cell.backend.id)

    def _task(self, name: str) -> Task | Exception:
        if name not in self._tasks:
            try:
                spec = self.plugins.tasks[name]
                task = cast("Task", cast("Any", resolve(spec.target))(spec, self._roots))
                task.info()
                self._tasks[name] = task
            except BaseException as error:  # kept for the cells of this task; other tasks go on
                as_error(error)
                stop_if_full(error)
                self._tasks[name] = as_error(error)
        return self._tasks[name]
