"""Registers the data sets and tasks that come with FashionBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.hookspecs import hookimpl
from fashionbench_tasks import composed_specs, cross_modal_specs, generation_specs, twins
from fashionbench_tasks.atelier.specs import DATASET as ATELIER
from fashionbench_tasks.wardrobe import specs as wardrobe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.specs import DatasetSpec, TaskSpec

FASHIONBENCH_API = (1, 0)


@hookimpl
def register_datasets() -> Iterable[DatasetSpec]:
    """Return the data sets."""
    real = (*composed_specs.DATASETS, *cross_modal_specs.DATASETS, *generation_specs.DATASETS)
    return [wardrobe.DATASET, ATELIER, *real]


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    """Return the tasks."""
    real = (*composed_specs.TASKS, *cross_modal_specs.TASKS, *generation_specs.TASKS)
    return [*wardrobe.TASKS, *real, *twins.TASKS]
