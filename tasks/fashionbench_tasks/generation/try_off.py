"""Virtual try-off on VITON-HD and Dress Code: the shop's photo of a garment, made from the photo of who wears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets import dress_code, viton_hd
from fashionbench_tasks.generation.builders import GenerationData, generation_task
from fashionbench_tasks.generation.samples import GenerationSample

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.task import Generation

#: What lies over the person. The mask of the shop's photo is none of it: it is the outline of the answer.
CONDITIONS = ("agnostic-mask", "densepose", "openpose", "parse")


def viton(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make VITON-HD's task, whose garments are for the upper body; options: ``width``, ``height``, ``filter``."""
    root = place(spec, roots)
    data = viton_hd.VitonHD(root)
    pairs = data.pairs("test", paired=True)
    samples = [
        GenerationSample(
            id=f"{pair.person}_{pair.garment}",
            slice="all",
            person=data.person("test", pair.person),
            garment=None,
            truth=data.garment("test", pair.garment),
            category="upper_body",
            conditions=_of_person(data.conditions("test", pair)),
        )
        for pair in pairs
    ]
    real = {pair.garment: data.garment("test", pair.garment) for pair in pairs}
    annotations = {"pairs/test": root / "test_pairs.txt"}
    facts = {"mask source": data.mask_source("test")}
    return generation_task(
        spec,
        roots,
        GenerationData(root=root, samples=samples, real=real, annotations=annotations, training=list, facts=facts),
    )


def dresscode(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make Dress Code's task; each category is a slice, and names the garment that is wanted."""
    root = place(spec, roots)
    data = dress_code.DressCode(root)
    samples: list[GenerationSample] = []
    real: dict[str, Path] = {}
    for pair in data.test_pairs(paired=True):
        garment = data.photo(pair.category, pair.garment)
        real[f"{pair.category}/{pair.garment}"] = garment
        samples.append(
            GenerationSample(
                id=f"{pair.category}/{pair.person}_{pair.garment}",
                slice=pair.category,
                person=data.photo(pair.category, pair.person),
                garment=None,
                truth=garment,
                category=pair.category,
                conditions=_of_person(data.conditions(pair)),
            )
        )
    annotations = {name: path for name, path in data.annotations().items() if name.endswith("test_pairs_paired.txt")}
    return generation_task(
        spec, roots, GenerationData(root=root, samples=samples, real=real, annotations=annotations, training=list)
    )


def _of_person(conditions: Mapping[str, Path]) -> dict[str, Path]:
    return {name: path for name, path in conditions.items() if name in CONDITIONS}
