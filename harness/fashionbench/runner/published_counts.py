"""Counts of a data set compared with the published ones, as findings of a cell's record."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from fashionbench.errors import FashionBenchError, first_names
from fashionbench.records.schema import PolicyFinding
from fashionbench.specs import resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.dataset import Dataset
    from fashionbench.data.info import DataInfo
    from fashionbench.data.roots import DataRoots
    from fashionbench.runner.plan import Cell
    from fashionbench.specs import DatasetSpec


def count_findings(cell: Cell, info: DataInfo | None, spec: DatasetSpec, roots: DataRoots) -> list[PolicyFinding]:
    """Say where the data that a cell measures on, or learns from, are other in number than what was published.

    Generated data and data sets without published counts have no finding.
    """
    if info is None or info.synthetic or spec.synthetic or not spec.expected:
        return []
    try:
        root = roots.find(spec.id, spec.beside)
        if root is None:
            return []
        found = _counts(spec.target, root, info.fingerprint)
    except FashionBenchError as error:
        return [PolicyFinding(kind="published", message=f"{spec.id} cannot be counted: {error.message}")]
    concerned = [name for name in spec.expected if _concerns(name, cell, spec)]
    differing = [
        f"{name} {found.get(name, 0):,} instead of {spec.expected[name]:,}"
        for name in concerned
        if found.get(name, 0) != spec.expected[name]
    ]
    if not differing:
        return []
    return [PolicyFinding(kind="published", message=f"{spec.id} is not as published: {first_names(differing)}")]


def _concerns(name: str, cell: Cell, spec: DatasetSpec) -> bool:
    """Tell whether a count, such as ``pairs/test``, is of a split that is measured on or learnt from."""
    parts = name.split("/")
    measured = cell.task.protocol.fields.get("split")
    used = {str(measured), *(["train"] if cell.backend.fits else [])}
    of_splits = {part for part in parts if part in spec.splits}
    if measured in spec.splits and of_splits and not of_splits & used:
        return False
    numbered = [part for part in parts if part.startswith("task")]
    return not numbered or "task" not in cell.task.options or f"task{cell.task.options['task']}" in numbered


@lru_cache(maxsize=32)
def _counts(target: str, root: Path, fingerprint: str) -> Mapping[str, int]:  # noqa: ARG001  # of one state of the data
    dataset = cast("Dataset", cast("Any", resolve(target))(root))
    return dict(dataset.counts())
