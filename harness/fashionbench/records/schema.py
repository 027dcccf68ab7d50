"""The result record, schema version 3.

One record describes one cell: one backend on one task with one seed. It is written once and never edited; a better one
supersedes it. Do not rename or reorder fields without raising :data:`SCHEMA_VERSION` and adding a migration.
"""

from __future__ import annotations

import re
from typing import Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from fashionbench.canonical import digest
from fashionbench.errors import first_names
from fashionbench.records.base import Model
from fashionbench.records.chain import ChainPart
from fashionbench.records.provenance import CodeState, Provenance
from fashionbench.specs.protocol import ProtocolCard

SCHEMA_VERSION: Literal[3] = 3


class TaskPart(Model):
    """The task that was run."""

    id: str
    version: str
    kind: str
    provider: str
    """Distribution and version that registered it."""


class ProtocolPart(Model):
    """How it was measured; the hash follows from the card."""

    hash: str
    card: dict[str, Any]


class LicencePart(Model):
    """The licence of the data."""

    id: str
    source: str
    usage: str


class DatasetPart(Model):
    """The data that were used."""

    id: str
    revision: str
    fingerprint: str
    """``sha256:`` over the contents of every file."""
    sizes: dict[str, int]
    """Counts by name, such as ``queries`` and ``gallery``."""
    images: int = 0
    """How many images the task names; 0 where it does not say."""
    missing: tuple[str, ...] = ()
    """Items that the data set lists and that were not there."""
    unreadable: dict[str, str] = Field(default_factory=dict)
    """Items whose file could not be decoded, with the reason."""
    facts: dict[str, str] = Field(default_factory=dict)
    """What else was found, such as the hash of candidate lists or the source of masks."""
    image_forms: dict[str, int] = Field(default_factory=dict)
    """How many of its image files are of each form, such as ``JPEG``, ``PNG alpha`` or ``JPEG turned``."""
    licence: LicencePart
    access: str
    synthetic: bool

    @property
    def missing_line(self) -> str:
        """Which images are missing or unreadable, in a line; empty where none is."""
        of = f" of {self.images}" if self.images else ""
        said = [f"{len(self.missing)}{of} images missing: {first_names(self.missing)}"] if self.missing else []
        if self.unreadable:
            said.append(f"{len(self.unreadable)}{of} images unreadable: {first_names(list(self.unreadable))}")
        return "; ".join(said) or self.facts.get("images", "")

    @property
    def counted_facts(self) -> list[str]:
        """The facts that count something that is there, a line each, such as queries without a judgement."""
        facts = {name: text for name, text in self.facts.items() if name != "images"}  # those are the missing line
        return [f"{name}: {text}" for name, text in facts.items() if re.match(r"[1-9]\d*(?=[ :]|$)", text)]


class TrainingDataPart(Model):
    """A data set that the backend saw before it met the task."""

    dataset: str
    splits: tuple[str, ...]
    disclosed: bool


class BackendPart(Model):
    """What was measured."""

    id: str
    revision: str
    provider: str
    source: str
    """``sha256:`` over the code behind the backend's target and its data files."""
    options: dict[str, Any]
    config_hash: str
    weights_hash: str | None = None
    """What the backend says of its weights and preprocessing after ``fit``; one hash a fold, combined."""
    parameters: int | None = None
    preprocessing: dict[str, str] = Field(default_factory=dict)
    """What the backend says of how it prepares its inputs and decodes its answers."""
    capabilities: tuple[str, ...]
    control: bool
    privileged: bool
    fits: bool
    training_data: tuple[TrainingDataPart, ...] = ()


class TrainingPart(Model):
    """The training that made the weights, where a run trained them on demand."""

    trainer: str
    training: str
    """Hash of trainer, code, configuration and data; the ``cell`` of the training's own record."""
    config: dict[str, Any] = Field(default_factory=dict)
    """What was changed of the trainer's own configuration."""
    data: dict[str, str] = Field(default_factory=dict)
    """Fingerprints of the data that it learned from, by task."""
    apart_from_seed: str = ""
    """The same hash as ``training`` but for the seed: trainings that agree in it are seeds of one."""


class MetricPart(Model):
    """One value."""

    id: str
    implementation: str
    value: float
    """Fractions between 0 and 1, at full precision."""
    unit: str
    higher_is_better: bool
    n: int
    """The number of items that the value is over."""
    bound: Literal["", "lower"] = ""
    """``lower`` where the true value may be greater, as of imported lists that end early."""
    interval: tuple[float, float] | None = None
    """The 95 % interval."""
    interval_method: str = ""
    """How interval or standard error were made, or why there is none."""
    standard_error: float | None = None
    """Of a distance whose value depends on the number of images, at this number, instead of an interval."""
    weights: str = ""
    """What the weights of the network that measured were published as; ``unrecognised`` where they are no file that
    is known, and empty where no network measured."""
    biased_below: int = 0
    """Below this n the value is biased, and compares with values of equal n alone; 0 where it never is."""
    slice: str = "all"
    values: str = ""
    """SHA-256 of the stored file of its values by item, beside the value of the whole; empty where they follow from
    the predictions at once, or there are none."""


class AbsentMetricPart(Model):
    """A value that could not be computed; never written as zero."""

    id: str
    reason: str
    traceback: str = ""
    """Where it was raised, if it was no error that the metric foresaw."""


class RescoringPart(Model):
    """A later computation of metrics from the predictions of an earlier record; the backend was not asked again."""

    record: str
    """The record whose predictions and provenance these are."""
    time: str
    metrics: tuple[str, ...]
    """What was computed anew."""
    code: tuple[CodeState, ...] = ()
    packages: dict[str, str] = Field(default_factory=dict)


class PredictionsPart(Model):
    """The stored predictions that the metrics were computed from."""

    schema_id: str
    sha256: str
    rows: int
    image_forms: dict[str, int] = Field(default_factory=dict)
    """Of images that were handed in as files: how many are of each form, such as ``PNG`` or ``JPEG``."""
    unused: tuple[str, ...] = ()
    """What was handed in, of images, that no item of the task asks for; the first hundred."""
    depth: dict[str, int] = Field(default_factory=dict)
    """By slice, how many candidates the shortest imported list names, where it does not name all."""


class EmbeddingsPart(Model):
    """What embeddings were rounded to before they were used; float32 is not rounded, and not told."""

    dtype: Literal["float16"]
    underflows: int
    """How many of their numbers are 0 for that, of every side of the task."""


class DecodingPart(Model):
    """Choices of this run that are no part of the protocol."""

    seed: int
    batch_sizes: dict[str, int] = Field(default_factory=dict)
    """By capability."""
    device: str
    """The device that was used: an accelerator only where memory was asked for on it."""
    limit: int | None = None
    """The number of items after which the run was cut, or null."""
    cached: int = 0
    """Embeddings that came from the cache."""
    embeddings: EmbeddingsPart | None = None
    """What embeddings were rounded to; left out where they are float32, as backends return them."""

    @property
    def embedding_dtype(self) -> Literal["float32", "float16"]:
        """The type of numbers to which embeddings were rounded."""
        return "float32" if self.embeddings is None else self.embeddings.dtype

    @model_serializer(mode="wrap")
    def _without_nothing(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not told, so that records without it are those of before there was such a field."""
        made: dict[str, Any] = fields(self)
        if self.embeddings is None:
            made.pop("embeddings", None)
        return made


class CostPart(Model):
    """What it cost."""

    wall_s: float
    items: int
    items_per_s: float
    peak_memory_bytes: int | None
    """Largest resident size of the process so far; null where the system does not say."""


class PolicyFinding(Model):
    """Something a reader must know about data and rights."""

    kind: Literal[
        "licence",
        "contamination",
        "overlap",
        "leak",
        "data",
        "published",
        "predictions",
        "failure",
        "batch",
        "rounding",
    ]
    message: str


class ErrorPart(Model):
    """Why a cell has no numbers."""

    type: str
    message: str
    remedy: str = ""
    traceback: str = ""


class Record(Model):
    """The record of one cell."""

    schema_version: Literal[3] = SCHEMA_VERSION
    record_id: str = ""
    """``sha256:`` of the canonical JSON of everything else."""
    status: Literal["ok", "partial", "error"]
    attestation: Literal["paper-reported", "imported", "measured"]
    cell: str
    """Hash of everything that decides the numbers; a run reuses the record of a cell that it would run again."""
    task: TaskPart
    protocol: ProtocolPart
    dataset: DatasetPart | None
    backend: BackendPart
    training: TrainingPart | None = None
    metrics: tuple[MetricPart, ...] = ()
    absent: tuple[AbsentMetricPart, ...] = ()
    predictions: PredictionsPart | None = None
    decoding: DecodingPart
    provenance: Provenance
    cost: CostPart
    policy: tuple[PolicyFinding, ...] = ()
    error: ErrorPart | None = None
    rescored: RescoringPart | None = None
    supersedes: str | None = None
    chain: ChainPart | None = None
    """Its place in the chain of its store; null in a record that was stored before there were chains."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.status == "error") != (self.error is not None):
            raise ValueError("a record has an error exactly when its status is 'error'")
        if self.status == "ok" and self.decoding.limit is not None:
            raise ValueError("a limited run is 'partial'")
        card = ProtocolCard.of(self.task.id, self.task.version, self.protocol.card)
        if card.hash != self.protocol.hash:
            raise ValueError(f"the protocol hash is {self.protocol.hash}, but the card gives {card.hash}")
        return self

    @property
    def card(self) -> ProtocolCard:
        """The protocol card."""
        return ProtocolCard.of(self.task.id, self.task.version, self.protocol.card)

    @property
    def metric_ids(self) -> tuple[str, ...]:
        """Names of its metrics, with a value or without."""
        return tuple(dict.fromkeys([*(part.id for part in self.metrics), *(part.id for part in self.absent)]))

    @property
    def is_empty(self) -> bool:
        """Whether a cell that did not fail has none of the metrics that its task has."""
        return self.status != "error" and bool(self.absent) and not self.metrics

    def metric(self, name: str, part: str = "all") -> MetricPart | None:
        """Find a value by metric id and slice."""
        return next((m for m in self.metrics if m.id == name and m.slice == part), None)

    def sealed(self) -> Record:
        """Return the record with its id filled in."""
        return self.model_copy(update={"record_id": content_id(self.model_dump(mode="json"))})


def content_id(fields: dict[str, Any]) -> str:
    """Compute the id of a record from its JSON fields, whatever its schema version."""
    return digest({name: value for name, value in fields.items() if name != "record_id"})
