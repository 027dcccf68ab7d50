"""Image-text retrieval on COCO Captions and Flickr30k, with five captions an image and everything in the gallery."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.karpathy import CAPTIONS, TRAINING
from fashionbench_tasks.retrieval.cross_modal.catalog import training_pairs
from fashionbench_tasks.retrieval.cross_modal.manifest_pairs import Groups, folds_of
from fashionbench_tasks.retrieval.task import Retrieval
from fashionbench_tasks.scenes.locate import karpathy

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.data.training_examples import TrainingData
    from fashionbench.specs import TaskSpec
    from fashionbench_tasks.datasets.karpathy import Karpathy
    from fashionbench_tasks.retrieval.fold import Fold


def karpathy_pairs(spec: TaskSpec, roots: DataRoots) -> Retrieval:
    """Rank all test captions for every test image, and all test images for every caption.

    :raises DataError: where the split has no images, or an image has no caption.
    """
    data = karpathy(spec, roots)
    images = data.split("test")
    silent = [image.id for image in images if not image.captions]
    if not images or silent:
        said = f"the image {silent[0]} has no caption" if silent else "there are no test images"
        raise DataError(f"{data.root}: {said}", remedy="fetch the file of splits again")
    rows = [{"image": image.id, "text": text} for image in images for text in image.captions[:CAPTIONS]]
    groups = Groups(rows)
    places = {image.id: data.path(image) for image in images}
    checked = survey(places, data.annotations(), cache=roots.index)
    training = training_part(data)

    def folds(absent: frozenset[str]) -> list[Fold]:
        files = {name: ImageFile(name, path) for name, path in places.items()}
        return [replace(fold, training=training) for fold in folds_of(groups, files, absent)]

    texts = [text for own in groups.texts.values() for text in own]
    facts = {
        "captions beyond the first five": str(sum(max(0, len(image.captions) - CAPTIONS) for image in images)),
        "captions that stand twice at one image": str(len(rows) - len(texts)),
        "captions that several images share": str(sum(count for count in Counter(texts).values() if count > 1)),
    }
    sizes = {"photos": len(images), "texts": len(texts)}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root), facts=facts)
    return Retrieval(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))


def training_part(data: Karpathy) -> TrainingData | None:
    """Return the training images that are there, each with all of its captions."""
    there = [
        (ImageFile(image.id, path), image) for image in data.split(*TRAINING) if (path := data.path(image)).is_file()
    ]
    return training_pairs([(file, text, image.id) for file, image in there for text in image.captions])
