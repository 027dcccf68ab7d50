"""Execute one cell: data, predictions, metrics, record. Whatever a task or a backend raises ends in the record."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fashionbench.data.roots import DataRoots
from fashionbench.errors import BackendError, as_error
from fashionbench.files import stop_if_full
from fashionbench.metrics.scoring import Scores, known_metrics, score
from fashionbench.records import provenance
from fashionbench.records.device_use import DeviceUse
from fashionbench.records.provenance import PluginState, ProcessFacts, code_state, top_level
from fashionbench.records.schema import AbsentMetricPart
from fashionbench.runner.memory import peak_memory
from fashionbench.runner.model_files import training_data_of
from fashionbench.runner.policy import failure, handed_in_findings, policy_findings, rounding_findings
from fashionbench.runner.published_counts import count_findings
from fashionbench.runner.record_builder import Attestation, BackendState, CellOutcome, recorded
from fashionbench.runner.session import EmbeddingOwner, Session, rerank_depth
from fashionbench.runner.session_state import SessionResources
from fashionbench.runner.stored_images import image_access
from fashionbench.runner.workload import image_counts
from fashionbench.specs import resolve
from fashionbench.specs.capabilities import BackendContext

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.info import DataInfo
    from fashionbench.metrics.image_access import ImageAccess
    from fashionbench.plugins.manager import Plugins
    from fashionbench.predictions.base import Predictions
    from fashionbench.progress import Reporter
    from fashionbench.records.schema import PolicyFinding, PredictionsPart, Record, TrainingPart
    from fashionbench.records.store import Store
    from fashionbench.runner.embedding_cache import EmbeddingCache
    from fashionbench.runner.extractor_loader import ExtractorLoader
    from fashionbench.runner.loaded_backend import LoadedBackend
    from fashionbench.runner.plan import Cell
    from fashionbench.runner.sharded_backend import BackendShards
    from fashionbench.runner.task import Task
    from fashionbench.specs import BackendSpec, TrainingDataUse

A = TypeVar("A")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """What every cell of a run shares.

    :param facts: what every record of the run says alike.
    :param index: content hashes of files.
    :param extractors: loads feature extractors, each once a run.
    :param cache: embeddings, and features of images; None keeps none.
    :param build: makes the backend where that is not for the plugins to do.
    :param roots: where data sets lie, whose counts are compared with the published ones.
    :param loaded: keeps a backend over cells; None builds one for each.
    :param shards: processes that share the items of each cell; None where this one answers them all.
    :param handed_in: what the record says of images that were handed in as files, once they were read.
    """

    plugins: Plugins
    store: Store
    facts: ProcessFacts
    index: FileIndex
    extractors: ExtractorLoader
    device: str
    reporter: Reporter
    batch_size: int | None = None
    cache: EmbeddingCache | None = None
    build: Callable[[], object] | None = None
    roots: DataRoots = field(default_factory=DataRoots)
    loaded: LoadedBackend | None = None
    shards: BackendShards | None = None
    handed_in: Callable[[], Mapping[str, Any]] = dict

    def image_access(self, predictions: Predictions, task: Task | None) -> ImageAccess | None:
        """Give metrics access to the images behind predictions; None where these have none."""
        return image_access(predictions, task, self.store, self.extractors, self.cache, self.reporter.advance)


@dataclass(slots=True)
class CellState:
    """State of a running cell; the outcome is made of it, also after an error."""

    started: str
    begun: float
    used: DeviceUse
    info: DataInfo | None = None
    session: Session | None = None
    predictions: Predictions | None = None
    stored: PredictionsPart | None = None
    scores: Scores | None = None
    error: Exception | None = None
    findings: list[PolicyFinding] = field(default_factory=list)

    def after(self, step: str, work: Callable[[], A], otherwise: A) -> A:
        """Do a step that comes after the predictions; where it raises, that is a finding, and the result is kept."""
        try:
            return work()
        except BaseException as raised:
            error = as_error(raised)
            stop_if_full(error)
            self.findings.append(failure(step, error))
            return otherwise


def execute(
    cell: Cell,
    task: Task | Exception,
    context: RunContext,
    *,
    training: TrainingPart | None = None,
    attestation: Attestation = "measured",
) -> tuple[Record, Exception | None]:
    """Run a cell and store its record.

    :param task: the task, or the error that opening its data or training its model raised.
    :param training: the training that made its model on demand.
    :returns: the stored record, and the error where the cell failed. Of an import that failed no record is stored: its
        caller raises the error, and nothing was measured that a board could miss.
    :raises OSError: where the store cannot be written; the store stays valid.
    """
    state = CellState(provenance.now(), time.perf_counter(), DeviceUse(context.device))
    try:
        if isinstance(task, Exception):
            raise task  # noqa: TRY301
        state.info = _with_address(task.info(), cell, context)
        state.info.require_images(cell.task.dataset)
        check_packages(cell.backend)
        state.session = _session(cell, state.info, context)
        state.session.expect("metric", len(cell.task.metrics))
        state.predictions = task.predict(state.session)
        state.stored = context.store.write_predictions(state.predictions.table, state.predictions.schema_id)
        state.stored = state.stored.model_copy(update=dict(context.handed_in()))
        state.scores = _scores(cell, task, state, context)
    except BaseException as error:  # one cell must not take the others with it
        as_error(error)
        stop_if_full(error)
        if isinstance(error, OSError) and state.predictions is not None and state.stored is None:
            raise  # of the store, not of the cell
        state.error = as_error(error)
    record, state.error = recorded(_outcome(cell, state, context, training, attestation))
    if state.error is not None and attestation == "imported":
        return record, state.error
    return context.store.add_newest(record), state.error


def _with_address(info: DataInfo, cell: Cell, context: RunContext) -> DataInfo:
    """Say in the facts of the data which address they were fetched from, where they were."""
    dataset = context.plugins.datasets[cell.task.dataset]
    address = context.roots.address(dataset.id, dataset.beside)
    return replace(info, facts={**info.facts, "fetched from": address}) if address else info


def _scores(cell: Cell, task: Task, state: CellState, context: RunContext) -> Scores:
    """Score the stored predictions; where that fails as a whole, they are kept, and each metric is absent."""
    assert state.info is not None and state.predictions is not None  # noqa: S101, PT018
    scores = Scores([], [])
    failed = [
        AbsentMetricPart(id=name, reason="the metrics could not be computed: see the findings")
        for name in cell.task.metrics
    ]
    try:
        scores = score(
            state.predictions,
            cell.task,
            context.plugins.metrics,
            cell.identity.question(state.info.fingerprint),
            images=context.image_access(state.predictions, task),
            advance=context.reporter.advance,
            keep=context.store.predictions.write_values,
        )
    except BaseException as raised:
        error = as_error(raised)
        stop_if_full(error)
        state.findings.append(failure("computing the metrics", error))
        return Scores([], failed)
    return scores


def build_backend(cell: Cell, plugins: Plugins, device: str, cache: Path) -> object:
    """Build the backend of a cell through the hook, or else from its target."""
    context = BackendContext(options=cell.options, seed=cell.seed, device=device, cache=cache)
    built = plugins.hook.load_backend(spec=cell.backend, context=context)
    return cast("Any", resolve(cell.backend.target))(context) if built is None else built


def _session(cell: Cell, info: DataInfo, context: RunContext) -> Session:
    named = cell.identity.backend.options
    metrics = known_metrics(cell.task.metrics, context.plugins.metrics)

    def build() -> object:
        return build_backend(cell, context.plugins, context.device, context.store.cache)

    kept, shards = context.loaded, context.shards
    if shards is not None:
        shards = shards.of_cell(str(cell.name), cell.options, stateless=cell.backend.stateless)
    return Session(
        cell.backend,
        context.build or (build if kept is None else lambda: kept.build(cell, build)),
        owner=EmbeddingOwner(
            identity=cell.identity.embedding_owner(),
            data=info.fingerprint,
            known_weights=any(named[name] != value for name, value in cell.options.items()),
        ),
        seed=cell.seed,
        device=context.device,
        limit=cell.identity.limit,
        batch_size=context.batch_size,
        embedding_dtype=cell.identity.embedding_dtype,
        rerank=rerank_depth(cell.options),
        resources=SessionResources(
            cache=context.cache,
            index=context.index,
            keep=context.store.keep_image,
            image_work=partial(image_counts, metrics, context.extractors.can_load),
            expect=context.reporter.expect_work,
            advance=context.reporter.advance,
        ),
        shards=shards,
    )


def check_packages(spec: BackendSpec) -> None:
    """Look for the packages that a backend needs, before its target is imported.

    :raises BackendError: naming those that are not installed.
    """
    lacking = [name for name in spec.packages if find_spec(name) is None]
    if lacking:
        remedy = f'pip install "fashionbench[{spec.extra}]"' if spec.extra else f"pip install {' '.join(lacking)}"
        raise BackendError(f"{spec.id} needs {', '.join(lacking)}", remedy=remedy)


def _outcome(
    cell: Cell,
    state: CellState,
    context: RunContext,
    training: TrainingPart | None,
    attestation: Attestation,
) -> CellOutcome:
    plugins, session, after = context.plugins, state.session, state.after
    elsewhere = session and after("asking where it computed", lambda: session.device_elsewhere, None)
    device = elsewhere or state.used.device
    models = {name: str(cell.options[name]) for name in cell.backend.models}
    uses: tuple[TrainingDataUse, ...] = after(
        "reading what its models were trained on", lambda: tuple(training_data_of(models)), ()
    )
    modules = ("fashionbench", cell.task.target, cell.backend.target)
    code = [
        after(f"describing the code of {name}", partial(code_state, name), None) for name in map(top_level, modules)
    ]
    said = session and after("asking the backend about itself", partial(_said_by, session), None)
    dataset = plugins.datasets[cell.task.dataset]
    steps: dict[str, Callable[[], Sequence[PolicyFinding]]] = {
        "collecting findings": lambda: policy_findings(cell, state.info, uses, plugins, context.store),
        "comparing the training part": lambda: session.overlap if session else [],
        "comparing batches": lambda: session.batch_findings if session else [],
        "counting rounded numbers": lambda: rounding_findings(session.counts.underflows) if session else [],
        "counting the data": lambda: count_findings(cell, state.info, dataset, context.roots),
        "looking at the images": lambda: handed_in_findings(state.stored),
    }
    none: Sequence[PolicyFinding] = ()
    found = [finding for step, work in steps.items() for finding in after(step, work, none)]
    return CellOutcome(
        cell=cell,
        device=device,
        attestation=attestation,
        dataset=dataset,
        providers=(str(plugins.tasks.origin(cell.task.id)), str(plugins.backends.origin(cell.backend.id))),
        provenance=context.facts.provenance(state.started, list(dict.fromkeys(one for one in code if one)), device),
        wall_s=time.perf_counter() - state.begun,
        peak_memory_bytes=peak_memory(),
        info=state.info,
        state=said or None,
        predictions=state.stored,
        scores=state.scores,
        training=training,
        training_data=uses,
        policy=(*found, *state.findings),
        error=state.error,
    )


def _said_by(session: Session) -> BackendState:
    return BackendState(
        batch_sizes=session.batch_sizes,
        items=session.counts.items,
        cached=session.counts.cached,
        weights_hash=session.weights_hash,
        parameters=session.parameters,
        preprocessing=session.preprocessing,
        underflows=session.counts.underflows,
    )


def process_facts(plugins: Plugins) -> ProcessFacts:
    """Ask this process, once a run, for what every record says alike."""
    states = [PluginState(name=o.name, distribution=o.distribution, version=o.version) for o in plugins.origins]
    return ProcessFacts.collect(states, plugins.provenance())
