"""Captioning of COCO Captions and Flickr30k: every test image, with all of its captions as references."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.dataset import is_twin
from fashionbench.data.info import DataInfo
from fashionbench.data.integrity import survey
from fashionbench.data.lazy_items import ImageFile
from fashionbench.errors import DataError
from fashionbench_tasks.captioning.task import CaptionFold, Captioning
from fashionbench_tasks.retrieval.cross_modal.karpathy_pairs import training_part
from fashionbench_tasks.scenes.locate import karpathy

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.specs import TaskSpec


def karpathy_captioning(spec: TaskSpec, roots: DataRoots) -> Captioning:
    """Describe every test image.

    :raises DataError: where there are no test images with a caption.
    """
    data = karpathy(spec, roots)
    images = {image.id: image for image in data.split("test") if image.captions}
    if not images:
        raise DataError(f"{data.root} has no captioned test image", remedy="fetch the file of splits again")
    places = {name: data.path(image) for name, image in images.items()}
    checked = survey(places, data.annotations(), cache=roots.index)
    training = training_part(data)

    def folds(absent: frozenset[str]) -> list[CaptionFold]:
        return [
            CaptionFold(
                name="all",
                items=[ImageFile(name, path) for name, path in places.items() if name not in absent],
                references={name: list(image.captions) for name, image in images.items()},
                training=training,
                unavailable=tuple(name for name in images if name in absent),
                order=tuple(images),
            )
        ]

    sizes = {"images": len(images), "references": sum(len(image.captions) for image in images.values())}
    info = DataInfo.of(checked, sizes, synthetic=is_twin(data.root))
    return Captioning(spec, info, lambda: folds(checked.absent), lambda: folds(frozenset()))
