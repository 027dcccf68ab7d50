"""FashionBench: evaluate multimodal fashion models, and show a number only beside numbers measured the same way.

Everything here is imported when it is first used, so that ``import fashionbench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.api.boards import make_board, render_board, write_board
    from fashionbench.api.caches import cache_status, prune_cache
    from fashionbench.api.comparisons import compare, compare_stored, per_query
    from fashionbench.api.data import audit, check_data, data_status, index_shards, make_data, new_data, task_items
    from fashionbench.api.diagnosis import diagnose, write_diagnosis
    from fashionbench.api.exports import export
    from fashionbench.api.gates import accept_baseline, gate
    from fashionbench.api.machine import doctor
    from fashionbench.api.merging import merge_records
    from fashionbench.api.planning import estimate
    from fashionbench.api.publication import publish
    from fashionbench.api.publication_check import check_publication
    from fashionbench.api.records import frame, invalidate, load_records, verify_records
    from fashionbench.api.runs import preview, rescore, run, score
    from fashionbench.api.scrub import scrub
    from fashionbench.api.sensitivity import sensitivity
    from fashionbench.api.shortcuts import shortcuts
    from fashionbench.api.stores import open_store
    from fashionbench.api.studies import ablate, preview_study
    from fashionbench.api.training import train
    from fashionbench.api.transfers import pull_records, push_records
    from fashionbench.boards.board import Board
    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.info import DataInfo
    from fashionbench.data.items import (
        ComposedItem,
        DesignItem,
        ImageItem,
        PairItem,
        StyleTransferItem,
        TextItem,
        TryOffItem,
        TryOnItem,
    )
    from fashionbench.data.lazy_items import ImageFile
    from fashionbench.data.roots import DataRoots
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.errors import FashionBenchError
    from fashionbench.metrics.contract import MetricArguments, Outcome
    from fashionbench.metrics.image_access import ImageAccess
    from fashionbench.plugins.hookspecs import hookimpl
    from fashionbench.plugins.manager import Plugins
    from fashionbench.plugins.python_backends import model
    from fashionbench.predictions.base import Predictions
    from fashionbench.records.schema import PolicyFinding, Record
    from fashionbench.records.store import Store
    from fashionbench.runner.session import Session
    from fashionbench.specs import (
        BackendSpec,
        BoardSpec,
        Column,
        DatasetSpec,
        DiagnosedModel,
        ExecutorSpec,
        Export,
        ExporterSpec,
        Licence,
        MetricSpec,
        ReferenceSource,
        ReferenceSpec,
        ReferenceValue,
        ReporterSpec,
        Resources,
        SiteSpec,
        StudySpec,
        TaskSpec,
        TrainerSpec,
        TrainingDataUse,
    )
    from fashionbench.specs.capabilities import BackendContext, Role
    from fashionbench.specs.protocol import ProtocolCard
    from fashionbench.training.contract import TrainingContext, TrainingResult

_HOMES = {
    "BackendContext": "specs.capabilities",
    "BackendSpec": "specs",
    "Board": "boards.board",
    "BoardSpec": "specs",
    "Column": "specs",
    "ComposedItem": "data.items",
    "DataInfo": "data.info",
    "DataRoots": "data.roots",
    "DatasetSpec": "specs",
    "DesignItem": "data.items",
    "DiagnosedModel": "specs",
    "ExecutorSpec": "specs",
    "Export": "specs",
    "ExporterSpec": "specs",
    "FashionBenchError": "errors",
    "ImageAccess": "metrics.image_access",
    "ImageFile": "data.lazy_items",
    "ImageItem": "data.items",
    "Licence": "specs",
    "MetricArguments": "metrics.contract",
    "MetricSpec": "specs",
    "Outcome": "metrics.contract",
    "PairItem": "data.items",
    "Plugins": "plugins.manager",
    "PolicyFinding": "records.schema",
    "Predictions": "predictions.base",
    "ProtocolCard": "specs.protocol",
    "Record": "records.schema",
    "ReferenceSource": "specs",
    "ReferenceSpec": "specs",
    "ReferenceValue": "specs",
    "ReporterSpec": "specs",
    "Resources": "specs",
    "Role": "specs.capabilities",
    "Session": "runner.session",
    "SiteSpec": "specs",
    "Store": "records.store",
    "StudySpec": "specs",
    "StyleTransferItem": "data.items",
    "TaskSpec": "specs",
    "TextItem": "data.items",
    "TrainerSpec": "specs",
    "TrainingContext": "training.contract",
    "TrainingData": "data.training_examples",
    "TrainingDataUse": "specs",
    "TrainingResult": "training.contract",
    "Truth": "data.ground_truth",
    "TryOffItem": "data.items",
    "TryOnItem": "data.items",
    "ablate": "api.studies",
    "accept_baseline": "api.gates",
    "audit": "api.data",
    "cache_status": "api.caches",
    "check_data": "api.data",
    "check_publication": "api.publication_check",
    "compare": "api.comparisons",
    "compare_stored": "api.comparisons",
    "data_status": "api.data",
    "diagnose": "api.diagnosis",
    "doctor": "api.machine",
    "estimate": "api.planning",
    "export": "api.exports",
    "frame": "api.records",
    "gate": "api.gates",
    "hookimpl": "plugins.hookspecs",
    "index_shards": "api.data",
    "invalidate": "api.records",
    "load_records": "api.records",
    "make_board": "api.boards",
    "make_data": "api.data",
    "merge_records": "api.merging",
    "model": "plugins.python_backends",
    "new_data": "api.data",
    "open_store": "api.stores",
    "per_query": "api.comparisons",
    "preview": "api.runs",
    "preview_study": "api.studies",
    "prune_cache": "api.caches",
    "publish": "api.publication",
    "pull_records": "api.transfers",
    "push_records": "api.transfers",
    "render_board": "api.boards",
    "rescore": "api.runs",
    "run": "api.runs",
    "score": "api.runs",
    "scrub": "api.scrub",
    "sensitivity": "api.sensitivity",
    "shortcuts": "api.shortcuts",
    "task_items": "api.data",
    "train": "api.training",
    "verify_records": "api.records",
    "write_board": "api.boards",
    "write_diagnosis": "api.diagnosis",
}

__all__ = [
    "BackendContext",
    "BackendSpec",
    "Board",
    "BoardSpec",
    "Column",
    "ComposedItem",
    "DataInfo",
    "DataRoots",
    "DatasetSpec",
    "DesignItem",
    "DiagnosedModel",
    "ExecutorSpec",
    "Export",
    "ExporterSpec",
    "FashionBenchError",
    "ImageAccess",
    "ImageFile",
    "ImageItem",
    "Licence",
    "MetricArguments",
    "MetricSpec",
    "Outcome",
    "PairItem",
    "Plugins",
    "PolicyFinding",
    "Predictions",
    "ProtocolCard",
    "Record",
    "ReferenceSource",
    "ReferenceSpec",
    "ReferenceValue",
    "ReporterSpec",
    "Resources",
    "Role",
    "Session",
    "SiteSpec",
    "Store",
    "StudySpec",
    "StyleTransferItem",
    "TaskSpec",
    "TextItem",
    "TrainerSpec",
    "TrainingContext",
    "TrainingData",
    "TrainingDataUse",
    "TrainingResult",
    "Truth",
    "TryOffItem",
    "TryOnItem",
    "ablate",
    "accept_baseline",
    "audit",
    "cache_status",
    "check_data",
    "check_publication",
    "compare",
    "compare_stored",
    "data_status",
    "diagnose",
    "doctor",
    "estimate",
    "export",
    "frame",
    "gate",
    "hookimpl",
    "index_shards",
    "invalidate",
    "load_records",
    "make_board",
    "make_data",
    "merge_records",
    "model",
    "new_data",
    "open_store",
    "per_query",
    "preview",
    "preview_study",
    "prune_cache",
    "publish",
    "pull_records",
    "push_records",
    "render_board",
    "rescore",
    "run",
    "score",
    "scrub",
    "sensitivity",
    "shortcuts",
    "task_items",
    "train",
    "verify_records",
    "write_board",
    "write_diagnosis",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fashionbench' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
