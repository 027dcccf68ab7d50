"""Run a plan: reuse what the store holds, execute the rest, one cell after the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.events import CellEnd, CellError, CellStart, RunEnd, RunStart
from fashionbench.progress import Reporter, Silent
from fashionbench.runner.device import resolve_device
from fashionbench.runner.embedding_cache import EmbeddingCache
from fashionbench.runner.execute import RunContext, execute
from fashionbench.runner.trained_models import trained
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.runner.plan import Cell, Plan
    from fashionbench.runner.task import Task
    from fashionbench.specs import TaskSpec


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
    """

    def __init__(self, plan: Plan, plugins: Plugins, store: Store, *, rerun: bool = False) -> None:
        self.plan = plan
        self.plugins = plugins
        self.store = store
        self.rerun = rerun
        self._roots = DataRoots(named=plan.config.data, cache=store.cache / "surveys")
        self._tasks: dict[str, Task | Exception] = {}

    def run(self, reporter: Reporter | None = None) -> list[Record]:
        """Give back one record a cell, in the order of the plan.

        :raises OSError: where the store cannot be written.
        """
        shown = reporter or Silent()
        hook = self.plugins.hook
        hook.on_run_start(event=RunStart(self.plan))
        records: list[Record] = []
        device = resolve_device(self.plan.config.device)
        cache = EmbeddingCache(self.store.cache / "embeddings.sqlite") if self.plan.config.embedding_cache else None
        shop = RunContext(self.plugins, self.store, device, self.plan.config.batch_size, cache, shown.advance)
        try:
            for cell in self.plan.cells:
                records.append(self._one(cell, shop, shown))  # noqa: PERF401  # what is done counts if the next fails
        finally:
            if cache is not None:
                cache.close()
            hook.on_run_end(event=RunEnd(self.plan, tuple(records)))
        return records

    def preview(self) -> Iterator[Preview]:
        """Say what :meth:`run` would do; data are opened and fingerprinted, backends are not."""
        history = self.store.scan().current()
        for cell in self.plan.cells:
            task = self._task(cell.task)
            if isinstance(task, Exception):
                yield Preview(cell, None, reused=False, seconds=None, problem=str(task))
                continue
            sizes = task.info().sizes
            speeds = [r for r in history if r.backend.id == cell.backend.id and r.status != "error"]
            same = [r.cost.wall_s for r in speeds if r.task.id == cell.task.id]
            rates = [r.cost.items_per_s for r in speeds if r.cost.items_per_s]
            items = sum(sizes.values())
            guess = same[-1] if same else items / rates[-1] if rates else None
            yield Preview(cell, items, reused=self._known(cell, task) is not None, seconds=guess)

    def _one(self, cell: Cell, shop: RunContext, shown: Reporter) -> Record:
        task = self._task(cell.task)
        items = None if isinstance(task, Exception) else sum(task.info().sizes.values())
        shown.begin(cell.name, items)
        known = None if isinstance(task, Exception) else self._known(cell, task)
        if known is not None and not self.rerun:
            self.plugins.hook.on_cell_end(event=CellEnd(cell, known, reused=True))
            shown.end(f"reused {known.record_id[7:19]}")
            return known
        self.plugins.hook.on_cell_start(event=CellStart(cell))
        if not isinstance(task, Exception):
            try:
                models = self.store.root / "models"
                cell = replace(cell, options=trained(cell, self.plugins, self._roots, shop.device, models))
            except Exception as fault:  # a training that fails is the failure of this cell
                task = fault
        record, error = execute(cell, task, shop, supersedes=known)
        if error is None:
            self.plugins.hook.on_cell_end(event=CellEnd(cell, record, reused=False))
            shown.end(f"done in {record.cost.wall_s:.1f} s")
        else:
            self.plugins.hook.on_cell_error(event=CellError(cell, record, error))
            shown.end(f"FAILED: {record.error.message if record.error else error}")
        return record

    def _known(self, cell: Cell, task: Task) -> Record | None:
        return self.store.find(cell.id(task.info().fingerprint), cell.task.id, cell.backend.id)

    def _task(self, spec: TaskSpec) -> Task | Exception:
        if spec.id not in self._tasks:
            try:
                task = cast("Task", cast("Any", resolve(spec.target))(spec, self._roots))
                task.info()
                self._tasks[spec.id] = task
            except Exception as error:  # kept for the cells of this task; other tasks go on
                self._tasks[spec.id] = error
        return self._tasks[spec.id]
