"""Registers the data sets and tasks that come with FashionBench."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.plugins.hookspecs import hookimpl
from fashionbench_atelier.specs import DATASET as ATELIER
from fashionbench_tasks import karpathy_specs, synthetic_twins
from fashionbench_tasks.captioning import specs as captioning_specs
from fashionbench_tasks.generation import specs as generation_specs
from fashionbench_tasks.generation import style_transfer_specs
from fashionbench_tasks.outfits import specs as outfit_specs
from fashionbench_tasks.own_data import specs as own_data_specs
from fashionbench_tasks.retrieval.composed import specs as composed_specs
from fashionbench_tasks.retrieval.cross_modal import specs as cross_modal_specs
from fashionbench_tasks.retrieval.image_to_image import specs as image_to_image_specs
from fashionbench_tasks.wardrobe import specs as wardrobe

if TYPE_CHECKING:
    from collections.abc import Iterable

    import click

    from fashionbench.specs import DatasetSpec, TaskSpec

FASHIONBENCH_API = (1, 0)
_MODULES = (
    composed_specs,
    cross_modal_specs,
    image_to_image_specs,
    captioning_specs,
    generation_specs,
    style_transfer_specs,
    outfit_specs,
    own_data_specs,
    karpathy_specs,
)


@hookimpl
def register_datasets() -> Iterable[DatasetSpec]:
    """Return the data sets."""
    real = [spec for module in _MODULES for spec in module.DATASETS]
    return [wardrobe.DATASET, ATELIER, *real]


@hookimpl
def register_commands(group: click.Group) -> None:
    """Add the commands."""
    from fashionbench_tasks.retrieval.cirr_submission import cirr_submission  # noqa: PLC0415

    group.add_command(cirr_submission)


@hookimpl
def register_tasks() -> Iterable[TaskSpec]:
    """Return the tasks."""
    real = [spec for module in _MODULES for spec in module.TASKS]
    return [*wardrobe.TASKS, *real, *synthetic_twins.TASKS]
