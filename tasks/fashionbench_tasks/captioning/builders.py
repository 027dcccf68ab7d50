"""Build the captioning tasks on FashionGen, Fashion200K and Fashion-IQ-Cap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile, Opener
from fashionbench.errors import DataError
from fashionbench_tasks.captioning.task import CaptionFold, Captioning
from fashionbench_tasks.dataset_root import place
from fashionbench_tasks.datasets.fashion200k import CATEGORIES, Fashion200K
from fashionbench_tasks.datasets.fashion_iq_cap import FashionIQCap
from fashionbench_tasks.datasets.fashiongen import FashionGen
from fashionbench_tasks.retrieval.cross_modal.catalog import fashiongen_text, training_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


@dataclass(frozen=True, slots=True)
class Described:
    """An image with its caption; images of one product are resampled as one."""

    image: Opener
    caption: str
    product: str
    slice: str = "all"


def fashiongen(spec: TaskSpec, roots: DataRoots) -> Captioning:
    """Caption FashionGen's val photos; options: ``text`` as in retrieval, ``unit`` (``photo`` or ``product``)."""
    data = FashionGen(place(spec, roots))
    write = fashiongen_text(spec)

    def rows(split: str) -> list[Described]:
        if split not in data.layout:
            return []
        return [Described(p.image, write(p.title, p.description), p.product) for p in data.photos(split)]

    evaluated = rows("val")
    if spec.options.get("unit") == "product":
        first: dict[str, Described] = {}
        for row in evaluated:
            first.setdefault(row.product, row)
        evaluated = list(first.values())
    annotations = {name: path for name, path in data.annotations().items() if name != "train"}
    return _task(spec, roots, data.root, evaluated, rows("train"), annotations, {})


def fashion200k(spec: TaskSpec, roots: DataRoots) -> Captioning:
    """Caption the photos of Fashion200K's test labels; each category is a slice."""
    data = Fashion200K(place(spec, roots))

    def rows(split: str) -> list[Described]:
        return [
            Described(ImageFile(photo.id, data.path(photo.id)), photo.description, photo.product, category)
            for category in CATEGORIES
            if f"labels/{category}/{split}" in data.annotations()
            for photo in data.photos(category, split)
        ]

    annotations = {name: path for name, path in data.annotations().items() if name.endswith("/test")}
    return _task(spec, roots, data.root, rows("test"), rows("train"), annotations, {})


def fashion_iq_cap(spec: TaskSpec, roots: DataRoots) -> Captioning:
    """Caption the val images of Fashion-IQ; each category is a slice, and captions written with words in view count."""
    data = FashionIQCap(place(spec, roots))

    def rows(split: str) -> list[Described]:
        return [
            Described(ImageFile(one.id, data.files.path(one.id)), one.caption, one.id, category)
            for category, _ in data.present(split)
            for one in data.captions(category, split)
        ]

    guided = sum(one.guided for category, _ in data.present("val") for one in data.captions(category, "val"))
    facts = {"references written with words in view": str(guided)}
    annotations = {name: path for name, path in data.annotations().items() if name.endswith("/val")}
    return _task(spec, roots, data.root, rows("val"), rows("train"), annotations, facts)


def _task(
    spec: TaskSpec,
    roots: DataRoots,
    root: Path,
    rows: Sequence[Described],
    train: Sequence[Described],
    annotations: Mapping[str, Path],
    facts: Mapping[str, str],
) -> Captioning:
    if not rows:
        raise DataError(f"{root} has no described image to caption", remedy="check it with 'fashionbench data status'")
    images = {row.image.id: row.image.path for row in rows if isinstance(row.image, ImageFile)}
    checked = survey(images, annotations, cache=roots.index)
    usable = [row for row in rows if row.caption.strip()]

    def folds(absent: frozenset[str]) -> list[CaptionFold]:
        described = [row for row in train if row.caption.strip() and _is_there(row.image)]
        training = training_pairs([(row.image, row.caption, row.product) for row in described])
        parts: dict[str, list[Described]] = {}
        for row in usable:
            parts.setdefault(row.slice, []).append(row)
        return [
            CaptionFold(
                name=name,
                items=[row.image for row in part if row.image.id not in absent],
                references={row.image.id: [row.caption] for row in part},
                clusters={row.image.id: row.product for row in part},
                training=training,
                unavailable=tuple(row.image.id for row in part if row.image.id in absent),
                order=tuple(row.image.id for row in part),
            )
            for name, part in parts.items()
        ]

    facts = {**facts, "images that nobody has described": str(len(rows) - len(usable))}
    info = DataInfo.of(checked, {"images": len(usable)}, synthetic=is_twin(root), facts=facts)
    return Captioning(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))


def _is_there(image: Opener) -> bool:
    return not isinstance(image, ImageFile) or image.path.is_file()
