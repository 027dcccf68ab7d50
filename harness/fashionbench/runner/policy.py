"""What a reader must know about data and rights of a cell: licence, contamination, leaks, missing data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import FashionBenchError
from fashionbench.records.audits import kept
from fashionbench.records.schema import PolicyFinding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.info import DataInfo
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.store import Store
    from fashionbench.runner.plan import Cell
    from fashionbench.specs import TrainingDataUse


def policy_findings(
    cell: Cell, info: DataInfo | None, training_data: Sequence[TrainingDataUse], plugins: Plugins, store: Store
) -> tuple[PolicyFinding, ...]:
    """Collect the findings of plugins, of training data, of the task's last audit, and of missing files.

    :param training_data: what the cell's models were trained on, besides what the backend's specification says.
    """
    dataset = plugins.datasets[cell.task.dataset]
    findings = plugins.ask("check_data_policy", PolicyFinding, backend=cell.backend, dataset=dataset)
    measured = cell.task.protocol.fields.get("split")
    for use in (*cell.backend.training_data, *training_data):
        # Where the card does not name the split plainly, any split may be the one that is measured.
        apart = use.splits and measured in dataset.splits and measured not in use.splits
        if use.dataset == dataset.id and not apart:
            named = ", ".join(use.splits) or "undisclosed splits"
            message = f"{cell.backend.id} was trained on {use.dataset} ({named})"
            findings.append(PolicyFinding(kind="contamination", message=message))
    try:
        audited = kept(cell.task.id, store)
    except FashionBenchError as error:
        audited = f"the last audit cannot be read: {error.message}"
    if audited:
        findings.append(PolicyFinding(kind="leak", message=audited))
    absent = len(info.missing) + len(info.unreadable) if info else 0
    if absent:
        findings.append(PolicyFinding(kind="data", message=f"{absent} items of {dataset.id} are missing or unreadable"))
    return tuple(findings)
