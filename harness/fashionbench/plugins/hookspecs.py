"""The hooks of FashionBench.

Providers return frozen specifications and are called when a plugin manager is made. Resolvers are asked in turn until
one answers. Events receive one frozen object and their results are ignored. Every hook here has a section in
``docs/reference/hooks.md`` with its exact signature, and a test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import click

    from fashionbench.extractors.base import Extractor
    from fashionbench.plugins.events import CellEnd, CellError, CellStart, RunEnd, RunStart
    from fashionbench.records.schema import PolicyFinding
    from fashionbench.records.store import Store
    from fashionbench.specs import (
        BackendSpec,
        BoardSpec,
        DatasetSpec,
        DiagnosedModel,
        ExecutorSpec,
        ExporterSpec,
        MetricSpec,
        ReferenceSpec,
        ReporterSpec,
        SiteSpec,
        StudySpec,
        TaskSpec,
        TrainerSpec,
    )
    from fashionbench.specs.capabilities import BackendContext

PROJECT = "fashionbench"
#: A plugin declares ``FASHIONBENCH_API = (major, minor)``. It is loaded if the major is equal and the minor not newer.
API = (1, 0)

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Providers:
    """Hooks that say what a plugin brings."""

    @hookspec
    def register_datasets(self) -> Iterable[DatasetSpec]:  # type: ignore[empty-body]
        """Return data sets."""

    @hookspec
    def register_tasks(self) -> Iterable[TaskSpec]:  # type: ignore[empty-body]
        """Return tasks."""

    @hookspec
    def register_metrics(self) -> Iterable[MetricSpec]:  # type: ignore[empty-body]
        """Return metrics on stored predictions."""

    @hookspec
    def register_backends(self) -> Iterable[BackendSpec]:  # type: ignore[empty-body]
        """Return backends."""

    @hookspec
    def register_trainers(self) -> Iterable[TrainerSpec]:  # type: ignore[empty-body]
        """Return trainers."""

    @hookspec
    def register_studies(self) -> Iterable[StudySpec]:  # type: ignore[empty-body]
        """Return ready ablation studies."""

    @hookspec
    def register_boards(self) -> Iterable[BoardSpec]:  # type: ignore[empty-body]
        """Return leaderboards."""

    @hookspec
    def register_references(self) -> Iterable[ReferenceSpec]:  # type: ignore[empty-body]
        """Return published numbers, which boards show apart from what was measured."""

    @hookspec
    def register_reporters(self) -> Iterable[ReporterSpec]:  # type: ignore[empty-body]
        """Return file formats of a leaderboard."""

    @hookspec
    def register_exporters(self) -> Iterable[ExporterSpec]:  # type: ignore[empty-body]
        """Return formats of other tools that records can be written in."""

    @hookspec
    def register_sites(self) -> Iterable[SiteSpec]:  # type: ignore[empty-body]
        """Return ways to write a folder of pages about leaderboards."""

    @hookspec
    def register_executors(self) -> Iterable[ExecutorSpec]:  # type: ignore[empty-body]
        """Return ways to run the cells of a plan, such as on a cluster."""

    @hookspec
    def register_commands(self, group: click.Group) -> None:
        """Add commands to the ``fashionbench`` command line."""


class Resolvers:
    """Hooks that make an object, or return None to leave it to the next plugin."""

    @hookspec(firstresult=True)
    def describe_backend(self, address: str, options: Mapping[str, Any]) -> BackendSpec | None:
        """Describe the backend that an address with a colon names, such as ``hf:FOLDER`` or ``file.py:Class``.

        :param options: what the configuration says of its options, some of which may be needed to find the model.
        """

    @hookspec(firstresult=True)
    def load_backend(self, spec: BackendSpec, context: BackendContext) -> object | None:
        """Build a backend; the default resolves the specification's target."""

    @hookspec(firstresult=True)
    def describe_model(self, folder: Path) -> DiagnosedModel | None:
        """Describe the model in a folder, so that it can be diagnosed; None where it is of another kind.

        Called for a folder that a user names; it should import nothing heavy.
        """

    @hookspec(firstresult=True)
    def load_extractor(self, name: str, device: str) -> Extractor | None:
        """Load a feature extractor by the name that a protocol card gives it; the default knows those of the core."""

    @hookspec(firstresult=True)
    def open_store(self, uri: str) -> Store | None:
        """Open a record store; the default takes the address for a folder."""


class Events:
    """Hooks that are called with what happens in a run."""

    @hookspec
    def on_run_start(self, event: RunStart) -> None:
        """Before the first cell."""

    @hookspec
    def on_cell_start(self, event: CellStart) -> None:
        """Before a cell is executed; a cell that is reused is not started."""

    @hookspec
    def on_cell_end(self, event: CellEnd) -> None:
        """After the record of a cell was stored, or found in the store."""

    @hookspec
    def on_cell_error(self, event: CellError) -> None:
        """After a cell failed and its error record was stored."""

    @hookspec
    def on_run_end(self, event: RunEnd) -> None:
        """After the last cell, also where cells failed."""

    @hookspec
    def collect_provenance(self) -> Mapping[str, Any]:  # type: ignore[empty-body]
        """Return facts about this process that the record should keep, as canonical JSON, under the plugin's name."""

    @hookspec
    def check_data_policy(self, backend: BackendSpec, dataset: DatasetSpec) -> Iterable[PolicyFinding]:  # type: ignore[empty-body]
        """Return findings on licence and contamination of a backend on a data set."""
