"""Captioning on a user's manifest: every text of an image is a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.packed_files import is_there
from fashionbench.errors import DataError
from fashionbench_tasks.captioning.task import CaptionFold, Captioning
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.manifest import Manifest
from fashionbench_tasks.own_data.facts import facts_of, one_slice
from fashionbench_tasks.retrieval.cross_modal.catalog import training_pairs

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def captioning(spec: TaskSpec, roots: DataRoots) -> Captioning:
    """Caption every image that has a text; images of one group are resampled as one.

    :raises DataError: where the manifest holds no pairs, or no image has a text.
    """
    data = Manifest(place(spec, roots))
    data.require("pairs", spec.id)
    split, rows = data.measured
    references: dict[str, list[str]] = {}
    first: dict[str, dict[str, str]] = {}
    for row in rows:
        first.setdefault(row["image"], row)
        references.setdefault(row["image"], []).extend([row["text"]] if row["text"].strip() else [])
    described = {name: list(dict.fromkeys(texts)) for name, texts in references.items() if texts}
    if not described:
        raise DataError(f"{data.path}: no image has a text", remedy="fill in the column text")
    parts: dict[str, list[str]] = {}
    for name in described:
        parts.setdefault(one_slice(data, first[name], spec.id), []).append(name)
    checked = survey({name: data.file(name) for name in described}, data.annotations(), cache=roots.index)
    learnt = [row for row in data.rows if row.get("split") == "train" and row["text"].strip()]

    def folds(absent: frozenset[str]) -> list[CaptionFold]:
        training = training_pairs(
            [
                (ImageFile(row["image"], data.file(row["image"])), row["text"], row.get("group") or row["image"])
                for row in learnt
                if is_there(data.file(row["image"]))
            ]
        )
        return [
            CaptionFold(
                name=part,
                items=[ImageFile(name, data.file(name)) for name in names if name not in absent],
                references={name: described[name] for name in names},
                clusters={name: first[name].get("group") or name for name in names},
                training=training,
                unavailable=tuple(name for name in names if name in absent),
                order=tuple(names),
            )
            for part, names in parts.items()
        ]

    facts = {"images that nobody has described": str(len(references) - len(described))}
    sizes = {"images": len(described), "references": sum(map(len, described.values()))}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts_of(data, split, facts))
    return Captioning(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))
