"""Trainings that a run needs: executed once for a store, each with a record of its own.

A training is named by the hash of trainer, code, configuration and data. Its folder lies below the store's ``models``;
one that was interrupted goes on where it stopped.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest, short
from fashionbench.data.file_index import FileIndex
from fashionbench.errors import BackendError, FashionBenchError, as_error
from fashionbench.files import slug, stop_if_full
from fashionbench.locks import locked
from fashionbench.records import provenance
from fashionbench.records.device_use import DeviceUse
from fashionbench.records.provenance import code_state
from fashionbench.records.schema import (
    BackendPart,
    CostPart,
    DecodingPart,
    MetricPart,
    ProtocolPart,
    Record,
    TaskPart,
    TrainingDataPart,
    TrainingPart,
)
from fashionbench.runner.memory import peak_memory
from fashionbench.runner.model_files import TRAINING_RECORD, content_hash, training_data_of
from fashionbench.runner.record_builder import error_part
from fashionbench.specs.protocol import ProtocolCard
from fashionbench.training.open_part import train

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.progress import Reporter
    from fashionbench.runner.execute import RunContext
    from fashionbench.runner.plan import TrainingCell
    from fashionbench.training.contract import TrainingResult

#: The task that the record of a training names; no leaderboard has a column of it.
TASK = "training"


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What became of a training.

    :param folder: the folder of the model; None where the training failed.
    :param training: hash of everything that decides the weights.
    :param record: the record of the training.
    """

    folder: Path | None
    training: str
    record: Record | None
    error: Exception | None = None


def folder_of(cell: TrainingCell, training: str, models: Path) -> Path:
    """Return the folder that a training writes its model to."""
    return models / f"{slug(cell.trainer.id)}-{short(training)}" / "model"


def run_training(
    cell: TrainingCell, fingerprints: Mapping[str, str], context: RunContext, roots: DataRoots, reporter: Reporter
) -> TrainedModel:
    """Train where that was not done before, and store the record.

    :param fingerprints: of the data that it learns from.
    """
    training = cell.id(fingerprints)
    folder = folder_of(cell, training, context.store.root / "models")
    with locked(folder.parent, "training", wait=reporter.note):
        # Another run may have trained it while this one waited.
        return _known_or_trained(cell, training, fingerprints, context, roots, reporter, folder)


def _known_or_trained(
    cell: TrainingCell,
    training: str,
    fingerprints: Mapping[str, str],
    context: RunContext,
    roots: DataRoots,
    reporter: Reporter,
    folder: Path,
) -> TrainedModel:
    known = context.store.find(training, TASK, cell.trainer.id)
    if (folder / TRAINING_RECORD).is_file() and known is not None:
        said = model_fault(known, context.store.root / "models")
        if not said:
            return TrainedModel(folder, training, known)
        remedy = f"delete {folder.parent}, and give the same command again"
        return TrainedModel(None, training, known, BackendError(said, remedy=remedy))
    started, begun, used = provenance.now(), time.perf_counter(), DeviceUse(context.device)
    result: TrainingResult | None = None
    error: Exception | None = None
    try:
        result = train(
            cell.trainer,
            cell.config,
            context.plugins,
            out=folder.parent,
            roots=roots,
            device=context.device,
            reporter=reporter,
            say=lambda _: None,
            lock=False,
            shared=context.store.cache / "phases" / short(cell.code),
        )
        if not (folder / TRAINING_RECORD).is_file():
            raise BackendError(f"{cell.trainer.id} wrote no {TRAINING_RECORD} beside its model at {folder}")  # noqa: TRY301
    except BaseException as fault:  # the cells that depend on it fail with its reason, the others go on
        as_error(fault)
        stop_if_full(fault)
        error = as_error(fault)
    wall = time.perf_counter() - begun
    record = _record(cell, training, fingerprints, context, result, error, started, wall, folder, used.device)
    record = context.store.add_newest(record)
    return TrainedModel(None if error else folder, training, record, error)


def model_fault(record: Record, models: Path) -> str:
    """Compare the model of a training, where it is kept, with the hash that its record has; say what is wrong with it.

    The bytes are read, for weights of which a bit was flipped measure something else without a word.

    :param models: the folder that trainings write to.
    """
    if record.task.id != TASK or record.training is None or not record.backend.weights_hash:
        return ""
    folder = models / f"{slug(record.backend.id)}-{short(record.training.training)}" / "model"
    if not folder.is_dir():
        return ""
    try:
        same = content_hash(folder, FileIndex()) == record.backend.weights_hash
    except FashionBenchError as error:
        return f"{folder}: {error.message}"
    return "" if same else f"{folder} is not what its training wrote: a file in it was altered, damaged or lost"


def failed(model: TrainedModel, name: str) -> FashionBenchError:
    """Return the error of a cell whose model could not be trained."""
    reason = model.error.message if isinstance(model.error, FashionBenchError) else str(model.error)
    return BackendError(f"the training of {name} failed: {reason}", remedy=getattr(model.error, "remedy", ""))


def _record(
    cell: TrainingCell,
    training: str,
    fingerprints: Mapping[str, str],
    context: RunContext,
    result: TrainingResult | None,
    error: Exception | None,
    started: str,
    wall: float,
    folder: Path,
    device: str,
) -> Record:
    trainer = cell.trainer
    card = ProtocolCard.of(TASK, "1.0.0", {"split": "train", "metrics": [], "average": "none", "trainer": trainer.id})
    figures: Mapping[str, Any] = result.figures if result else {}
    return Record(
        status="error" if error else "ok",
        attestation="measured",
        cell=training,
        task=TaskPart(id=TASK, version="1.0.0", kind=TASK, provider=str(context.plugins.trainers.origin(trainer.id))),
        protocol=ProtocolPart(hash=card.hash, card=card.fields),
        dataset=None,
        backend=BackendPart(
            id=trainer.id,
            revision="",
            provider=str(context.plugins.trainers.origin(trainer.id)),
            source=cell.code,
            options=dict(cell.config),
            config_hash=digest(cell.config),
            weights_hash=None if error else content_hash(folder, context.index),
            capabilities=(),
            control=False,
            privileged=False,
            fits=True,
            training_data=tuple(
                TrainingDataPart(dataset=use.dataset, splits=use.splits, disclosed=use.disclosed)
                for use in ([] if error else training_data_of({"model": str(folder)}))
            ),
        ),
        training=TrainingPart(
            trainer=trainer.id,
            training=training,
            config=dict(cell.config),
            data=dict(fingerprints),
            apart_from_seed=cell.apart_from_seed(fingerprints),
        ),
        metrics=tuple(
            MetricPart(
                id=name,
                implementation=f"{trainer.id}/held-out",
                value=value,
                unit="score",
                higher_is_better=True,
                n=0,
                interval_method="one value of the held-out part",
            )
            for name, value in figures.items()
        ),
        decoding=DecodingPart(seed=0, device=device),
        provenance=context.facts.provenance(started, [code_state("fashionbench"), code_state(trainer.target)], device),
        cost=CostPart(wall_s=round(wall, 3), items=0, items_per_s=0.0, peak_memory_bytes=peak_memory()),
        error=error_part(error) if error else None,
    )
