"""Virtual try-on on VITON-HD, Dress Code and OpenVTON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.files import expanded
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets import dress_code, openvton, viton_hd
from fashionbench_tasks.generation.builders import GenerationData, generation_task, true_photo, viton_training
from fashionbench_tasks.generation.samples import GenerationSample
from fashionbench_tasks.generation.training_set import TrainingSample

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.generation.task import Generation


def viton(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make a VITON-HD task; options: ``paired``, ``width``, ``height``, ``filter``, ``repaint``."""
    root = place(spec, roots)
    data = viton_hd.VitonHD(root)
    paired = bool(spec.options["paired"])
    samples: list[GenerationSample] = []
    for pair in data.pairs("test", paired=paired):
        person = data.person("test", pair.person)
        samples.append(
            GenerationSample(
                id=f"{pair.person}_{pair.garment}",
                slice="all",
                person=person,
                garment=data.garment("test", pair.garment),
                truth=true_photo(root, person, "test", pair.person, pair.garment, paired=paired),
                conditions=data.conditions("test", pair),
            )
        )
    task_data = GenerationData(
        root=root,
        samples=samples,
        real={pair.person: data.person("test", pair.person) for pair in data.pairs("test", paired=True)},
        annotations={"pairs/test": root / "test_pairs.txt"},
        training=lambda: viton_training(data),
        facts={"mask source": data.mask_source("test")},
    )
    return generation_task(spec, roots, task_data)


def dresscode(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make a Dress Code task; each category is a slice, and garment photos never stand on the real side."""
    root = place(spec, roots)
    data = dress_code.DressCode(root)
    paired = bool(spec.options["paired"])
    samples: list[GenerationSample] = []
    real: dict[str, Path] = {}
    for pair in data.test_pairs(paired=paired):
        person = data.photo(pair.category, pair.person)
        samples.append(
            GenerationSample(
                id=f"{pair.category}/{pair.person}_{pair.garment}",
                slice=pair.category,
                person=person,
                garment=data.photo(pair.category, pair.garment),
                truth=true_photo(root, person, pair.category, pair.person, pair.garment, paired=paired),
                conditions=data.conditions(pair),
            )
        )
        real[f"{pair.category}/{pair.person}"] = person

    def training() -> list[TrainingSample]:
        return [
            TrainingSample(
                person=data.photo(category, pair.person),
                garment=data.photo(category, pair.garment),
                conditions=data.conditions(pair),
            )
            for category in dress_code.CATEGORIES
            if f"{category}/train_pairs.txt" in data.annotations()
            for pair in data.pairs(category, "train", paired=True)
        ]

    annotations = {name: path for name, path in data.annotations().items() if "test" in name}
    return generation_task(
        spec, roots, GenerationData(root=root, samples=samples, real=real, annotations=annotations, training=training)
    )


def of_openvton(spec: TaskSpec, roots: DataRoots) -> Generation:
    """Make an OpenVTON task; options: ``split``, ``width``, ``height``, ``filter``; each category is a slice."""
    data = openvton.OpenVTON(place(spec, roots))
    split = str(spec.options["split"])
    cache = (roots.cache or expanded("~/.cache/fashionbench")) / "openvton"
    listed = data.list_of(split, cache)
    triplets = openvton.read_triplets(listed)

    def training() -> list[TrainingSample]:
        if "train" not in data.splits:
            return []
        return [
            TrainingSample(
                person=one.target, garment=one.source, conditions={"agnostic-mask": one.mask}, text=one.caption
            )
            for one in openvton.read_triplets(data.list_of("train", cache))
        ]

    samples = [
        GenerationSample(
            id=one.id,
            slice=one.category,
            person=one.target,
            garment=one.source,
            truth=one.target,
            conditions={"agnostic-mask": one.mask},
        )
        for one in triplets
    ]
    return generation_task(
        spec,
        roots,
        GenerationData(
            root=listed.parent,
            samples=samples,
            real={f"{one.category}/{one.id}": one.target for one in triplets},
            annotations={f"pairs/{split}": listed},
            training=training,
            facts={"mask source": "mask"},
        ),
    )
