"""Training pictures of try-on and design: persons in their own garments, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.items import ImageItem, TryOnItem
from fashionbench.data.training_examples import TrainingData, TryOnExample
from fashionbench_tasks.lazy import Lazy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench_tasks.generation.task import Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """One person in their own garment.

    :param text: the garment in words; empty where nobody has described it.
    :param sketch: a line drawing of the garment; None where there is none.
    """

    person: Path
    garment: Path
    conditions: Mapping[str, Path]
    text: str = ""
    sketch: Path | None = None


def training_tryon_examples(lessons: Sequence[Lesson], size: Size) -> TrainingData | None:
    """Make training data at the size of the task's pictures; None where there are no lessons.

    The id of a picture is its folder and its stem, so that the photos of a person and of a garment, which share a
    stem, differ.
    """
    if not lessons:
        return None

    def make(at: int) -> TryOnExample:
        lesson = lessons[at]
        conditions = {n: size.read_mask(p) if "mask" in n else size.read(p) for n, p in lesson.conditions.items()}
        person = size.read(lesson.person)
        item = TryOnItem(_name(lesson.garment), person, size.read(lesson.garment), conditions)
        sketch = ImageItem(_name(lesson.sketch), size.read(lesson.sketch)) if lesson.sketch else None
        return TryOnExample(item, ImageItem(_name(lesson.person), person), lesson.text, sketch)

    names = [(_name(lesson.person), lesson.text, _name(lesson.garment)) for lesson in lessons]
    return TrainingData("train", tryon_examples=Lazy(len(lessons), make, names))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"
