"""What a record says of a user's manifest, and the slices of its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench_tasks.datasets.manifest import Manifest


def facts_of(data: Manifest, split: str, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Say which split is measured, and which columns were not read."""
    others = {"columns that were not read": ", ".join(data.others)} if data.others else {}
    return {"split": split, **(more or {}), **others}


def slice_labels(data: Manifest, row: Mapping[str, str], fold: str) -> list[str]:
    """Name the further slices of a row, such as ``composed/brand=acme``."""
    return [f"{fold}/{name}={row[column]}" for column, name in data.slices.items() if row.get(column)]


def one_slice(data: Manifest, row: Mapping[str, str], task: str) -> str:
    """Return the one slice of a row that a task without overlapping slices reports it under.

    :raises DataError: where there are several columns of slices.
    """
    if len(data.slices) > 1:
        msg = f"{data.path} has the columns {' and '.join(data.slices)}, and {task} reports by one of them"
        raise DataError(msg, remedy="keep the one that counts, and rename the others")
    labels = [f"{name}={row[column]}" for column, name in data.slices.items() if row.get(column)]
    return labels[0] if labels else "all"
