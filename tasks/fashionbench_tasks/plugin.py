"""Registers the data sets and tasks that come with FashionBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.hookspecs import hookimpl
from fashionbench_tasks.wardrobe import specs as wardrobe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs import DatasetSpec, TaskSpec

FASHIONBENCH_API = (1, 0)


@hookimpl
def register_datasets() -> Iterable[DatasetSpec]:
    """Return the data sets."""
    return [wardrobe.DATASET]


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    """Return the tasks."""
    return [*wardrobe.TASKS]
