"""Training examples of try-on and design: persons in their own garments, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.items import ImageItem, TryOnItem
from fashionbench.data.lazy_items import ImageFile
from fashionbench.data.training_examples import TrainingData, TryOnExample
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench_tasks.generation.resize import Resize


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSample:
    """The files of one person in their own garment.

    :param text: the garment in words; empty where nobody has described it.
    :param sketch: a line drawing of the garment; None where there is none.
    """

    person: Path
    garment: Path
    conditions: Mapping[str, Path]
    text: str = ""
    sketch: Path | None = None


def training_tryon_examples(samples: Sequence[TrainingSample], resize: Resize) -> TrainingData | None:
    """Make training data at the size of the task's images; None where there are no samples.

    The id of an image is its folder and its stem, so that the photos of a person and of a garment, which share a
    stem, differ.
    """
    if not samples:
        return None

    def read(index: int) -> TryOnExample:
        sample = samples[index]
        person = resize.read(sample.person)
        conditions = resize.read_conditions(sample.conditions, sample.person, sample.garment)
        item = TryOnItem(image_name(sample.garment), person, resize.read(sample.garment), conditions)
        sketch: ImageItem | None = None
        if sample.sketch:
            drawn = resize.read_over("sketch", sample.sketch, sample.person)
            sketch = ImageItem(image_name(sample.sketch), drawn)
        return TryOnExample(item, ImageItem(image_name(sample.person), person), sample.text, sketch)

    names = [(image_name(sample.person), sample.text, image_name(sample.garment)) for sample in samples]
    paths = [path for sample in samples for path in (sample.person, sample.garment)]
    images = {image_name(path): ImageFile(image_name(path), path) for path in paths}
    return TrainingData("train", tryon_examples=Lazy(len(samples), read, names), images=images)


def image_name(path: Path) -> str:
    """Name an image by its folder and stem."""
    return f"{path.parent.name}/{path.stem}"
