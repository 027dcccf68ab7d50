"""Garment design on MGD: a person, noun chunks of a garment, and its sketch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.mgd import MGD
from fashionbench_tasks.generation.builders import GenerationData, generation_task, true_photo, viton_training
from fashionbench_tasks.generation.samples import GenerationSample

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.task import Generation


def mgd(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make the design task of MGD; options: ``paired`` and those of try-on."""
    root = place(spec, roots)
    data = MGD(root)
    paired = bool(spec.options["paired"])
    sketches = data.sketches(paired=paired)
    samples: list[GenerationSample] = []
    for pair in data.base.pairs("test", paired=paired):
        person = data.base.person("test", pair.person)
        samples.append(
            GenerationSample(
                id=f"{pair.person}_{pair.garment}",
                slice="all",
                person=person,
                garment=data.sketch(pair, paired=paired) if sketches else None,
                truth=true_photo(root, person, "test", pair.person, pair.garment, paired=paired),
                text=data.text(pair.garment),
                conditions=data.base.conditions("test", pair),
            )
        )
    task_data = GenerationData(
        root=root,
        samples=samples,
        real={pair.person: data.base.person("test", pair.person) for pair in data.base.pairs("test", paired=True)},
        annotations=data.annotations(),
        training=lambda: viton_training(data.base, data),
        facts={"mask source": data.base.mask_source("test"), "sketches": "MGD's own" if sketches else "none"},
    )
    return generation_task(spec, roots, task_data)
