"""Frozen descriptions that plugins register: data sets, tasks, metrics, backends, trainers, boards, references."""

from __future__ import annotations

from fashionbench.specs.backend import BackendSpec, TrainingDataUse
from fashionbench.specs.base import Licence, Spec, resolve
from fashionbench.specs.board import BoardSpec, Column, ReporterSpec, SiteSpec
from fashionbench.specs.dataset import Access, DatasetSpec
from fashionbench.specs.diagnosed_model import DiagnosedModel
from fashionbench.specs.executor import ExecutorSpec
from fashionbench.specs.exporter import Export, ExporterSpec
from fashionbench.specs.metric import MetricSpec
from fashionbench.specs.reference import ReferenceSource, ReferenceSpec, ReferenceValue
from fashionbench.specs.resources import Resources
from fashionbench.specs.study import StudySpec
from fashionbench.specs.task import TaskKind, TaskSpec
from fashionbench.specs.trainer import TrainerSpec

__all__ = [
    "Access",
    "BackendSpec",
    "BoardSpec",
    "Column",
    "DatasetSpec",
    "DiagnosedModel",
    "ExecutorSpec",
    "Export",
    "ExporterSpec",
    "Licence",
    "MetricSpec",
    "ReferenceSource",
    "ReferenceSpec",
    "ReferenceValue",
    "ReporterSpec",
    "Resources",
    "SiteSpec",
    "Spec",
    "StudySpec",
    "TaskKind",
    "TaskSpec",
    "TrainerSpec",
    "TrainingDataUse",
    "resolve",
]
