"""Open the data of cells, train the models that they need, and execute them; each task and model once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from fashionbench.data.file_index import FileIndex
from fashionbench.errors import StoreError, as_error, message_of
from fashionbench.files import stop_if_full
from fashionbench.locks import LockedError
from fashionbench.plugins.events import CellEnd, CellError, CellStart
from fashionbench.progress import PhaseReporter
from fashionbench.runner.cache_pruning import limit_of_environment, prune
from fashionbench.runner.device import resolve_device
from fashionbench.runner.embedding_cache import FILE, EmbeddingCache
from fashionbench.runner.execute import RunContext, execute, process_facts
from fashionbench.runner.extractor_loader import ExtractorLoader
from fashionbench.runner.model_files import TRAINING_RECORD
from fashionbench.runner.trained_models import TASK, TrainedModel, failed, folder_of, run_training
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.loaded_backend import LoadedBackend
    from fashionbench.runner.plan import Cell, Plan, TrainingCell
    from fashionbench.runner.sharded_backend import BackendShards
    from fashionbench.runner.task import Task


class CellWork:
    """What is done for cells, in the process of a run or in one of its workers.

    :param roots: of the data.
    :param tell: takes the events of trainings, by the name of the hook; a worker tells nobody, for its run does.
    """

    def __init__(
        self, plan: Plan, plugins: Plugins, store: Store, roots: DataRoots, tell: Callable[[str, object], object]
    ) -> None:
        self.plan = plan
        self.plugins = plugins
        self.store = store
        self.roots = roots
        self._tell = tell
        self._tasks: dict[str, Task | Exception] = {}
        self._models: dict[str, TrainedModel] = {}

    @contextmanager
    def context(
        self,
        reporter: Reporter,
        *,
        cached: bool = True,
        loaded: LoadedBackend | None = None,
        shards: BackendShards | None = None,
    ) -> Iterator[RunContext]:
        """Open what all cells share.

        :param cached: whether embeddings may be kept in the store's cache.
        :param loaded: keeps a backend over cells.
        :param shards: processes that share each cell.
        :raises ConfigError: where the environment gives the cache a limit that is no size.
        """
        limit = limit_of_environment()
        device = resolve_device(self.plan.config.device)
        cache = EmbeddingCache(self.store.cache / FILE) if cached and self.plan.config.embedding_cache else None
        with FileIndex(self.roots.index) as index:
            try:
                yield RunContext(
                    roots=self.roots,
                    plugins=self.plugins,
                    store=self.store,
                    facts=process_facts(self.plugins),
                    index=index,
                    extractors=ExtractorLoader(self.plugins, device),
                    device=device,
                    reporter=reporter,
                    batch_size=self.plan.config.batch_size,
                    cache=cache,
                    loaded=loaded,
                    shards=shards,
                )
            finally:
                if cache is not None:
                    cache.close()
                    self._prune(limit, reporter)

    def _prune(self, limit: int | None, reporter: Reporter) -> None:
        """Keep the cache below its limit; where other runs use it, the last of them does."""
        try:
            if limit is not None:
                prune(self.store.cache, limit)
        except LockedError:
            pass
        except StoreError as error:
            reporter.note(f"warning: {message_of(error)}")

    def execute(self, cell: Cell, context: RunContext) -> tuple[Record, Exception | None]:
        """Train the models of a cell, execute it, and store its record; return it with the error where it failed."""
        task = self.task(cell.task.id)
        identified = self.identified(cell)
        if cell.trainings and not isinstance(task, Exception):
            identified, fault = self._trained(cell, context)
            task = fault or task
            context.reporter.begin(str(cell.name))
        self._tell("on_cell_start", CellStart(cell.name))
        training = next((m.record.training for m in self._models_of(cell) if m.record is not None), None)
        return execute(identified, task, context, training=training)

    def train(self, training: TrainingCell, context: RunContext) -> TrainedModel:
        """Execute a training, and store its record.

        :raises Exception: where its data cannot be opened.
        """
        phases = PhaseReporter(context.reporter, str(training.name))
        return run_training(training, self.fingerprints(training), context, self.roots, phases)

    def task(self, name: str) -> Task | Exception:
        """Open a task; return the error where that cannot be done."""
        if name not in self._tasks:
            try:
                spec = self.plugins.tasks[name]
                task = cast("Task", cast("Any", resolve(spec.target))(spec, self.roots))
                task.info()
                self._tasks[name] = task
            except BaseException as error:  # kept for the cells of this task; other tasks go on
                as_error(error)
                stop_if_full(error)
                self._tasks[name] = as_error(error)
        return self._tasks[name]

    def identified(self, cell: Cell) -> Cell:
        """Return the cell with the identity of the models that its trainings make, whether they were made or not."""
        try:
            ids = {name: one.id(self.fingerprints(one)) for name, one in cell.trainings.items()}
        except BaseException as error:  # data that cannot be opened: said when the cell is run
            as_error(error)
            return cell
        return cell.trained({}, ids) if ids else cell

    def known(self, cell: Cell) -> Record | None:
        """Return the record that the store has of an identified cell."""
        task = self.task(cell.task.id)
        if isinstance(task, Exception):
            return None
        return self.store.find(cell.identity.cell_id(task.info().fingerprint), cell.task.id, cell.backend.id)

    def fingerprints(self, training: TrainingCell) -> dict[str, str]:
        """Fingerprint the data of a training, by task; by place where the trainer does not name its tasks.

        :raises Exception: where a task cannot be opened.
        """
        if training.tasks is None:
            return {name: str(path) for name, path in self.roots.named.items()}
        fingerprints: dict[str, str] = {}
        for name in training.tasks:
            task = self.task(name)
            if isinstance(task, Exception):
                raise task
            fingerprints[name] = task.info().fingerprint
        return fingerprints

    def training_id(self, training: TrainingCell) -> str:
        """Return the hash of everything that decides the weights of a training."""
        return training.id(self.fingerprints(training))

    def is_open(self, training: TrainingCell, context: RunContext) -> bool:
        """Tell whether a training is still to be executed; one that is done is settled.

        One that cannot begin fails with each cell that depends on it.
        """
        try:
            done = self.is_done(training)
        except BaseException as error:
            as_error(error)
            return False
        if done:
            self.model(training, context)
        return not done

    def is_done(self, training: TrainingCell) -> bool:
        """Tell whether the store has the model of a training, and its record.

        :raises Exception: where its data cannot be opened.
        """
        key = self.training_id(training)
        folder = folder_of(training, key, self.store.root / "models")
        return (folder / TRAINING_RECORD).is_file() and self.store.find(key, TASK, training.trainer.id) is not None

    def model(self, training: TrainingCell, context: RunContext) -> TrainedModel:
        """Return what became of a training, which is executed where that was not done before."""
        try:
            key = self.training_id(training)
        except BaseException as error:
            fault = as_error(error)
            stop_if_full(fault)
            return TrainedModel(None, training.id({}), None, fault)
        if key not in self._models:
            self._tell("on_cell_start", CellStart(training.name))
            context.reporter.begin(str(training.name))
            self.settle(training, self.train(training, context), context.reporter)
        return self._models[key]

    def settle(self, training: TrainingCell, model: TrainedModel, reporter: Reporter) -> None:
        """Take what became of a training, and tell of it."""
        self._models[model.training] = model
        if model.record is not None and model.error is not None:
            self._tell("on_cell_error", CellError(training.name, model.record, model.error))
        elif model.record is not None:
            self._tell("on_cell_end", CellEnd(training.name, model.record, reused=False))
            reporter.note(f"{training.name}: done in {model.record.cost.wall_s:.0f} s")

    def _trained(self, cell: Cell, context: RunContext) -> tuple[Cell, Exception | None]:
        """Train the models of a cell; a training that fails is the failure of every cell that depends on it."""
        folders: dict[str, str] = {}
        ids: dict[str, str] = {}
        for option, training in cell.trainings.items():
            model = self.model(training, context)
            ids[option] = model.training
            if model.folder is None:
                return cell.trained({}, ids), failed(model, training.trainer.id)
            folders[option] = str(model.folder)
        return cell.trained(folders, ids), None

    def _models_of(self, cell: Cell) -> list[TrainedModel]:
        try:
            keys = [training.id(self.fingerprints(training)) for training in cell.trainings.values()]
        except BaseException as error:  # said when the cell was to be trained
            as_error(error)
            return []
        return [self._models[key] for key in keys if key in self._models]
