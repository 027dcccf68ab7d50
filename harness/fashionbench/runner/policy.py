"""What a reader must know about data and rights of a cell: licence, contamination, leaks, missing data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import FashionBenchError, first_names, message_of
from fashionbench.records.audits import kept
from fashionbench.records.image_forms import is_lossy
from fashionbench.records.path_names import without_paths
from fashionbench.records.schema import PolicyFinding
from fashionbench.records.stored_text import stored_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.info import DataInfo
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import PredictionsPart
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
        audited = without_paths(f"the last audit cannot be read: {error}")
    if audited:
        findings.append(PolicyFinding(kind="leak", message=audited))
    absent = len(info.missing) + len(info.unreadable) if info else 0
    if absent:
        findings.append(PolicyFinding(kind="data", message=f"{absent} items of {dataset.id} are missing or unreadable"))
    return tuple(findings)


def failure(step: str, error: Exception) -> PolicyFinding:
    """Say of a step that came after the predictions that it failed; what was measured is kept."""
    return PolicyFinding(kind="failure", message=stored_text(f"{step} failed: {message_of(error)}"))


def handed_in_findings(predictions: PredictionsPart | None) -> list[PolicyFinding]:
    """Say of images that were handed in as files how many lost what was generated, and which nobody asked for."""
    if predictions is None:
        return []
    forms = predictions.image_forms
    lossy = {form: count for form, count in forms.items() if is_lossy(form)}
    messages: list[str] = []
    if lossy:
        named = ", ".join(f"{count:,} {form}" for form, count in lossy.items())
        messages.append(f"of {sum(forms.values()):,} images, handed in under lossy compression: {named}")
    if predictions.unused:
        messages.append(f"images were handed in that no item asks for: {first_names(predictions.unused)}")
    return [PolicyFinding(kind="predictions", message=message) for message in messages]


def rounding_findings(underflows: int) -> list[PolicyFinding]:
    """Say how many numbers of embeddings became 0 when they were rounded; nothing where none did."""
    if not underflows:
        return []
    message = f"rounded to float16, {underflows:,} numbers of embeddings are 0 that are not 0 in float32"
    return [PolicyFinding(kind="rounding", message=message)]
