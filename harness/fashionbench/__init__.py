"""FashionBench: evaluate multimodal fashion models, and show a number only beside numbers measured the same way.

Everything here is imported when it is first used, so that ``import fashionbench`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench.api.boards import make_board, render_board, write_board
    from fashionbench.api.comparisons import compare, per_query
    from fashionbench.api.data import audit, data_status, make_data
    from fashionbench.api.diagnosis import diagnose, write_diagnosis
    from fashionbench.api.exports import export
    from fashionbench.api.gates import accept_baseline, gate
    from fashionbench.api.merging import merge_records
    from fashionbench.api.publication import publish
    from fashionbench.api.records import frame, load_records
    from fashionbench.api.runs import rescore, run, score
    from fashionbench.api.sensitivity import sensitivity
    from fashionbench.api.shortcuts import shortcuts
    from fashionbench.api.studies import ablate
    from fashionbench.api.training import train
    from fashionbench.api.transfers import pull_records, push_records
    from fashionbench.boards.board import Board
    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.info import DataInfo
    from fashionbench.data.items import ComposedItem, DesignItem, ImageItem, PairItem, TextItem, TryOffItem, TryOnItem
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
    "DiagnosedModel": "specs",
    "ExecutorSpec": "specs",
    "Export": "specs",
    "ExporterSpec": "specs",
    "DesignItem": "data.items",
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
    "SiteSpec": "specs",
    "Role": "specs.capabilities",
    "Session": "runner.session",
    "Store": "records.store",
    "StudySpec": "specs",
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
    "compare": "api.comparisons",
    "data_status": "api.data",
    "diagnose": "api.diagnosis",
    "export": "api.exports",
    "frame": "api.records",
    "gate": "api.gates",
    "hookimpl": "plugins.hookspecs",
    "load_records": "api.records",
    "make_board": "api.boards",
    "make_data": "api.data",
    "merge_records": "api.merging",
    "model": "plugins.python_backends",
    "per_query": "api.comparisons",
    "publish": "api.publication",
    "pull_records": "api.transfers",
    "push_records": "api.transfers",
    "render_board": "api.boards",
    "rescore": "api.runs",
    "run": "api.runs",
    "score": "api.runs",
    "sensitivity": "api.sensitivity",
    "shortcuts": "api.shortcuts",
    "train": "api.training",
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
    "compare",
    "data_status",
    "diagnose",
    "export",
    "frame",
    "gate",
    "hookimpl",
    "load_records",
    "make_board",
    "make_data",
    "merge_records",
    "model",
    "per_query",
    "publish",
    "pull_records",
    "push_records",
    "render_board",
    "rescore",
    "run",
    "score",
    "sensitivity",
    "shortcuts",
    "train",
    "write_board",
    "write_diagnosis",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'fashionbench' has no attribute {name!r}")
    return getattr(import_module(f"fashionbench.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
