"""Training examples of try-on and design: persons in their own garments, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.items import ImageItem, TryOnItem
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
        conditions = resize.read_conditions(sample.conditions)
        item = TryOnItem(_name(sample.garment), person, resize.read(sample.garment), conditions)
        sketch = ImageItem(_name(sample.sketch), resize.read(sample.sketch)) if sample.sketch else None
        return TryOnExample(item, ImageItem(_name(sample.person), person), sample.text, sketch)

    names = [(_name(sample.person), sample.text, _name(sample.garment)) for sample in samples]
    return TrainingData("train", tryon_examples=Lazy(len(samples), read, names))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
