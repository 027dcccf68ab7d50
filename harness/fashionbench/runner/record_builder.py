"""The record of a cell as a pure function of its outcome."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from fashionbench.canonical import digest, normalise
from fashionbench.control_characters import printable
from fashionbench.errors import BackendError, FashionBenchError, message_of, trace
from fashionbench.records.schema import (
    BackendPart,
    CostPart,
    DatasetPart,
    DecodingPart,
    EmbeddingsPart,
    ErrorPart,
    LicencePart,
    ProtocolPart,
    Record,
    TaskPart,
    TrainingDataPart,
)
from fashionbench.records.stored_text import stored_text
from fashionbench.runner.policy import failure

if TYPE_CHECKING:
    from fashionbench.data.info import DataInfo
    from fashionbench.metrics.scoring import Scores
    from fashionbench.records.provenance import Provenance
    from fashionbench.records.schema import PolicyFinding, PredictionsPart, TrainingPart
    from fashionbench.runner.plan import Cell
    from fashionbench.specs import DatasetSpec, TrainingDataUse

Attestation = Literal["measured", "imported"]


@dataclass(frozen=True, slots=True)
class BackendState:
    """What a session has counted and seen of a backend."""

    batch_sizes: dict[str, int]
    items: int
    cached: int
    weights_hash: str | None
    parameters: int | None
    preprocessing: dict[str, str]
    underflows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CellOutcome:
    """Everything that became of a cell; the record says it.

    :param device: the one that was used.
    :param dataset: the data set's specification.
    :param info: the data as they were found; None where they could not be opened.
    :param state: the backend's session; None where there was none.
    :param predictions: where the predictions were stored; None where there are none.
    :param training_data: what the models were trained on, besides what the specification says.
    :param providers: distribution and version that registered task and backend.
    """

    cell: Cell
    device: str
    attestation: Attestation
    dataset: DatasetSpec
    providers: tuple[str, str]
    provenance: Provenance
    wall_s: float
    peak_memory_bytes: int | None
    info: DataInfo | None = None
    state: BackendState | None = None
    predictions: PredictionsPart | None = None
    scores: Scores | None = None
    training: TrainingPart | None = None
    training_data: tuple[TrainingDataUse, ...] = ()
    policy: tuple[PolicyFinding, ...] = ()
    error: Exception | None = None

    def reduced(self, error: Exception) -> CellOutcome:
        """Return the outcome without what a task, a backend or a plugin has said, as an error.

        A record of it can be built whatever that was.
        """
        return replace(
            self, info=None, state=None, predictions=None, scores=None, training_data=(), policy=(), error=error
        )


def recorded(outcome: CellOutcome) -> tuple[Record, Exception | None]:
    """Build the record, also where a task, a backend or a plugin has said what no record can hold.

    What a backend says of itself, and what plugins find, is left out then, and named; the result is kept. Where the
    data or the values are such, the cell has failed.

    :returns: the record, and the error of the cell.
    """
    try:
        return build_record(outcome), outcome.error
    except ValueError as error:
        fault = BackendError(f"the outcome cannot be recorded: {error}", remedy="mend the plugin that it names")
    said = {"state": None, "training_data": (), "policy": ()}
    for part, nothing in said.items():
        kept = () if part == "policy" else outcome.policy
        try:
            left: dict[str, Any] = {part: nothing, "policy": (*kept, failure(f"recording the {part}", fault))}
            return build_record(replace(outcome, **left)), outcome.error
        except ValueError:
            continue
    return build_record(outcome.reduced(fault)), fault


def build_record(outcome: CellOutcome) -> Record:
    """Build the record.

    :raises ValueError: where a part holds what a record cannot hold; :meth:`CellOutcome.reduced` never does.
    """
    cell, state, info = outcome.cell, outcome.state, outcome.info
    limit = cell.identity.limit
    items = state.items if state else 0
    return Record(
        status="error" if outcome.error else "partial" if limit is not None else "ok",
        attestation=outcome.attestation,
        cell=cell.identity.cell_id(info.fingerprint if info else "unknown"),
        task=TaskPart(id=cell.task.id, version=cell.task.version, kind=cell.task.kind, provider=outcome.providers[0]),
        protocol=ProtocolPart(hash=cell.task.protocol.hash, card=cell.task.protocol.fields),
        dataset=_dataset(outcome.dataset, info) if info else None,
        backend=_backend(outcome),
        training=outcome.training,
        metrics=tuple(outcome.scores.metrics) if outcome.scores else (),
        absent=tuple(outcome.scores.absent) if outcome.scores else (),
        predictions=outcome.predictions,
        decoding=DecodingPart(
            seed=cell.seed,
            batch_sizes=state.batch_sizes if state else {},
            device=outcome.device,
            limit=limit,
            cached=state.cached if state else 0,
            embeddings=_embeddings(outcome),
        ),
        provenance=outcome.provenance,
        cost=CostPart(
            wall_s=round(outcome.wall_s, 3),
            items=items,
            items_per_s=round(items / outcome.wall_s, 2) if outcome.wall_s > 0 else 0.0,
            peak_memory_bytes=outcome.peak_memory_bytes,
        ),
        policy=outcome.policy,
        error=error_part(outcome.error) if outcome.error else None,
    )


def _embeddings(outcome: CellOutcome) -> EmbeddingsPart | None:
    if outcome.cell.identity.embedding_dtype == "float32":
        return None
    return EmbeddingsPart(dtype="float16", underflows=outcome.state.underflows if outcome.state else 0)


def error_part(error: Exception) -> ErrorPart:
    """Describe an error; one that nobody foresaw has a traceback."""
    known = isinstance(error, FashionBenchError)
    return ErrorPart(
        type=type(error).__name__,
        message=stored_text(message_of(error)),
        remedy=stored_text(error.remedy) if isinstance(error, FashionBenchError) else "",
        traceback="" if known else stored_text(trace(error)),
    )


def _dataset(spec: DatasetSpec, info: DataInfo) -> DatasetPart:
    return DatasetPart(
        id=spec.id,
        revision=spec.revision,
        fingerprint=info.fingerprint,
        sizes=dict(info.sizes),
        images=info.images,
        missing=tuple(printable(name) for name in info.missing),
        unreadable={printable(name): stored_text(why) for name, why in info.unreadable.items()},
        facts={name: stored_text(fact) for name, fact in info.facts.items()},
        image_forms=dict(info.image_forms),
        licence=LicencePart(id=spec.licence.id, source=spec.licence.source, usage=spec.licence.usage),
        access=spec.access,
        synthetic=spec.synthetic or info.synthetic,
    )


def _backend(outcome: CellOutcome) -> BackendPart:
    spec, identity, state = outcome.cell.backend, outcome.cell.identity.backend, outcome.state
    uses = [
        TrainingDataPart(dataset=use.dataset, splits=use.splits, disclosed=use.disclosed)
        for use in (*spec.training_data, *outcome.training_data)
    ]
    if spec.fits:
        uses.append(TrainingDataPart(dataset=outcome.cell.task.dataset, splits=("train",), disclosed=True))
    return BackendPart(
        id=spec.id,
        revision=spec.revision,
        provider=outcome.providers[1],
        source=identity.code,
        options={name: normalise(value) for name, value in identity.options.items()},
        config_hash=digest(identity.options),
        weights_hash=state.weights_hash if state else None,
        parameters=state.parameters if state else None,
        preprocessing={name: stored_text(text) for name, text in state.preprocessing.items()} if state else {},
        capabilities=tuple(sorted(spec.capabilities)),
        control=spec.control,
        privileged=spec.privileged,
        fits=spec.fits,
        training_data=tuple(uses),
    )
