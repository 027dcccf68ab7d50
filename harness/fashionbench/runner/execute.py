"""Execute one cell: data, predictions, metrics, record. Whatever a task or a backend raises ends in the record."""

from __future__ import annotations

import resource
import sys
import time
import traceback
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, cast

from fashionbench.canonical import digest, normalise
from fashionbench.errors import BackendError, FashionBenchError
from fashionbench.extractors.registry import load
from fashionbench.metrics.scoring import Scores, score
from fashionbench.records import provenance
from fashionbench.records.audits import kept
from fashionbench.records.schema import (
    BackendPart,
    CostPart,
    DatasetPart,
    DecodingPart,
    ErrorPart,
    LicencePart,
    PolicyFinding,
    ProtocolPart,
    Record,
    TaskPart,
    TrainingDataPart,
)
from fashionbench.runner.session import Session
from fashionbench.runner.trained_models import training_data_of
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fashionbench.data.info import DataInfo
    from fashionbench.plugins.manager import Plugins
    from fashionbench.predictions.base import Predictions
    from fashionbench.records.store import Store
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.plan import Cell
    from fashionbench.runner.task import Task
    from fashionbench.specs import BackendSpec


@dataclass(frozen=True, slots=True)
class RunContext:
    """What every cell of a run shares.

    :param build: makes the backend where that is not for the plugins to do.
    """

    plugins: Plugins
    store: Store
    device: str
    batch_size: int | None
    cache: EmbeddingCache | None
    advance: Callable[[int], object]
    build: Callable[[], object] | None = None


@dataclass(slots=True)
class CellState:
    """What became of a cell so far; the record is made of it, also after an error."""

    cell: Cell
    started: str
    begun: float
    info: DataInfo | None = None
    session: Session | None = None
    predictions: Predictions | None = None
    scores: Scores | None = None
    error: Exception | None = None


def execute(
    cell: Cell,
    task: Task | Exception,
    shop: RunContext,
    *,
    supersedes: Record | None = None,
    attestation: Literal["measured", "imported"] = "measured",
) -> tuple[Record, Exception | None]:
    """Run a cell and store its record.

    :param task: the task, or the error that opening its data raised.
    :param supersedes: an earlier record of this cell; an earlier failure of it is superseded in any case.
    :returns: the stored record, and the error where the cell failed.
    :raises OSError: where the store cannot be written; the store stays valid.
    """
    work = CellState(cell, provenance.now(), time.perf_counter())
    try:
        if isinstance(task, Exception):
            raise task  # noqa: TRY301
        work.info = task.info()
        _check_packages(cell.backend)
        work.session = _session(cell, shop)
        work.predictions = task.predict(work.session)
        work.scores = score(work.predictions, cell.task, shop.plugins.metrics, cell.draw(work.info.fingerprint))
    except Exception as error:  # one cell must not take the others with it
        work.error = error
    return shop.store.add(_record(work, shop, supersedes, attestation)), work.error


def build_backend(cell: Cell, plugins: Plugins, device: str, cache: Path) -> object:
    """Build the backend of a cell through the hook, or else from its target."""
    context = BackendContext(options=cell.options, seed=cell.seed, device=device, cache=cache)
    built = plugins.hook.load_backend(spec=cell.backend, context=context)
    return cast("Any", resolve(cell.backend.target))(context) if built is None else built


def _session(cell: Cell, shop: RunContext) -> Session:
    return Session(
        cell.backend,
        shop.build or (lambda: build_backend(cell, shop.plugins, shop.device, shop.store.cache)),
        source=cell.identity["backend"]["source"],
        seed=cell.seed,
        device=shop.device,
        limit=cell.identity["limit"],
        batch_size=shop.batch_size,
        cache=shop.cache,
        keep=shop.store.keep_picture,
        extractor=lambda name: (
            shop.plugins.hook.load_extractor(name=name, device=shop.device) or load(name, shop.device)
        ),
        advance=shop.advance,
    )


def _check_packages(spec: BackendSpec) -> None:
    lacking = [name for name in spec.packages if find_spec(name) is None]
    if lacking:
        remedy = f'pip install "fashionbench[{spec.extra}]"' if spec.extra else f"pip install {' '.join(lacking)}"
        raise BackendError(f"{spec.id} needs {', '.join(lacking)}", remedy=remedy)


def _record(
    work: CellState, shop: RunContext, supersedes: Record | None, attestation: Literal["measured", "imported"]
) -> Record:
    cell, session, info = work.cell, work.session, work.info
    partial = cell.identity["limit"] is not None
    wall = time.perf_counter() - work.begun
    scores = work.scores or Scores([], [])
    fingerprint = info.fingerprint if info else "unknown"
    before = supersedes or shop.store.find_any(cell.id(fingerprint), cell.task.id, cell.backend.id)
    return Record(
        status="error" if work.error else "partial" if partial else "ok",
        attestation=attestation,
        cell=cell.id(fingerprint),
        task=TaskPart(
            id=cell.task.id,
            version=cell.task.version,
            kind=cell.task.kind,
            provider=str(shop.plugins.tasks.origin(cell.task.id)),
        ),
        protocol=ProtocolPart(hash=cell.task.protocol.hash, card=cell.task.protocol.fields),
        dataset=_dataset(cell, info, shop) if info else None,
        backend=_backend(cell, session, shop),
        metrics=tuple(scores.metrics),
        absent=tuple(scores.absent),
        predictions=shop.store.write_predictions(work.predictions.table, work.predictions.schema_id)
        if work.predictions
        else None,
        decoding=DecodingPart(
            seed=cell.seed,
            batch_sizes=session.batch_sizes if session else {},
            device=shop.device,
            limit=cell.identity["limit"],
            cached=session.cached if session else 0,
        ),
        provenance=_provenance(work, shop),
        cost=CostPart(
            wall_s=round(wall, 3),
            items=session.items if session else 0,
            items_per_s=round(session.items / wall, 2) if session else 0.0,
            peak_memory_bytes=_peak_memory(),
        ),
        policy=tuple(_policy(cell, info, shop)),
        error=_error(work.error) if work.error else None,
        supersedes=before.record_id if before else None,
    )


def _dataset(cell: Cell, info: DataInfo, shop: RunContext) -> DatasetPart:
    spec = shop.plugins.datasets[cell.task.dataset]
    licence = LicencePart(id=spec.licence.id, source=spec.licence.source, usage=spec.licence.usage)
    return DatasetPart(
        id=spec.id,
        revision=spec.revision,
        fingerprint=info.fingerprint,
        sizes=dict(info.sizes),
        missing=info.missing,
        unreadable=dict(info.unreadable),
        facts=dict(info.facts),
        licence=licence,
        access=spec.access,
        synthetic=spec.synthetic or info.synthetic,
    )


def _backend(cell: Cell, session: Session | None, shop: RunContext) -> BackendPart:
    spec = cell.backend
    uses = [*spec.training_data, *training_data_of(spec, cell.options)]
    seen = [TrainingDataPart(dataset=t.dataset, splits=t.splits, disclosed=t.disclosed) for t in uses]
    if spec.fits:
        seen.append(TrainingDataPart(dataset=cell.task.dataset, splits=("train",), disclosed=True))
    return BackendPart(
        id=spec.id,
        revision=spec.revision,
        provider=str(shop.plugins.backends.origin(spec.id)),
        source=cell.identity["backend"]["source"],
        options={name: normalise(value) for name, value in cell.shown.items()},
        config_hash=digest(cell.shown),
        weights_hash=session.weights_hash if session else None,
        parameters=session.parameters if session else None,
        capabilities=tuple(sorted(spec.capabilities)),
        control=spec.control,
        privileged=spec.privileged,
        fits=spec.fits,
        training_data=tuple(seen),
    )


def _provenance(work: CellState, shop: RunContext) -> provenance.Provenance:
    states = [
        provenance.PluginState(name=o.name, distribution=o.distribution, version=o.version)
        for o in shop.plugins.origins
    ]
    return provenance.collect(work.started, states, shop.plugins.provenance())


def _policy(cell: Cell, info: DataInfo | None, shop: RunContext) -> list[PolicyFinding]:
    dataset = shop.plugins.datasets[cell.task.dataset]
    found = [
        finding
        for findings in shop.plugins.hook.check_data_policy(backend=cell.backend, dataset=dataset)
        for finding in findings
    ]
    measured = cell.task.protocol.fields.get("split")
    for use in (*cell.backend.training_data, *training_data_of(cell.backend, cell.options)):
        # Where the card does not name the split plainly, any split may be the one that is measured.
        apart = use.splits and measured in dataset.splits and measured not in use.splits
        if use.dataset == dataset.id and not apart:
            named = ", ".join(use.splits) or "undisclosed splits"
            message = f"{cell.backend.id} was trained on {use.dataset} ({named})"
            found.append(PolicyFinding(kind="contamination", message=message))
    audited = kept(cell.task.id, shop.store)
    if audited:
        found.append(PolicyFinding(kind="leak", message=audited))
    absent = len(info.missing) + len(info.unreadable) if info else 0
    if absent:
        found.append(PolicyFinding(kind="data", message=f"{absent} items of {dataset.id} are missing or unreadable"))
    return found


def _error(error: Exception) -> ErrorPart:
    known = isinstance(error, FashionBenchError)
    return ErrorPart(
        type=type(error).__name__,
        message=error.message if isinstance(error, FashionBenchError) else str(error) or type(error).__name__,
        remedy=error.remedy if isinstance(error, FashionBenchError) else "",
        traceback="" if known else _trace(error),
    )


def _trace(error: Exception) -> str:
    """Format a traceback without the machine's paths."""
    lines: list[str] = []
    for frame in traceback.extract_tb(error.__traceback__):
        name = frame.filename.replace("\\", "/").rpartition("/site-packages/")[2]
        short = "/".join(name.split("/")[-3:])
        lines.append(f"{short}:{frame.lineno} in {frame.name}")
    return "\n".join(lines)


def _peak_memory() -> int:
    """Return the largest resident size of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
