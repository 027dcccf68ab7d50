"""Samples of a generation task: the files of a person, a garment and conditions, read when their batch comes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fashionbench.data.items import DesignItem, TryOffItem, TryOnItem
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from fashionbench_tasks.generation.resize import Resize


def _no_paths() -> Mapping[str, Path]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationSample:
    """The files of one image to generate.

    :param truth: the photo that should come out, or None in the unpaired setting.
    :param text: for design, the wanted garment in words.
    :param garment: for try-on, its photo; for design, its sketch, or None.
    :param category: for try-off, which garment of the person is wanted; the truth is its photo.
    """

    id: str
    slice: str
    person: Path
    garment: Path | None
    truth: Path | None
    text: str = ""
    category: str = ""
    conditions: Mapping[str, Path] = field(default_factory=_no_paths)

    @property
    def photo(self) -> Path | None:
        """The photo of the garment; None for design, whose garment is a sketch."""
        return None if self.text else self.garment


@dataclass(frozen=True, slots=True)
class LazySample:
    """A sample as an item whose images are read when its batch comes up."""

    sample: GenerationSample
    resize: Resize

    @property
    def id(self) -> str:
        """The id of the sample."""
        return self.sample.id

    def open(self) -> TryOnItem | TryOffItem | DesignItem:
        """Read all images of the sample.

        :raises DataError: where there is neither a garment nor a text, or an image that lies over the person is of
            another shape.
        """
        sample, resize = self.sample, self.resize
        conditions = resize.read_conditions(sample.conditions, sample.person, sample.photo)
        person = resize.read(sample.person)
        if sample.category:
            return TryOffItem(sample.id, person, sample.category, conditions)
        if sample.text:
            sketch = resize.read_over("sketch", sample.garment, sample.person) if sample.garment else None
            return DesignItem(sample.id, person, sample.text, sketch, conditions)
        if sample.garment is None:
            raise DataError(f"{sample.id} has neither a garment nor a text", remedy="check the lists of pairs")
        return TryOnItem(sample.id, person, resize.read(sample.garment), conditions)


class LazyTruths(Mapping[str, "Image.Image"]):
    """The true image of each sample that has one, by id, read whenever it is looked up."""

    def __init__(self, samples: Sequence[GenerationSample], resize: Resize) -> None:
        self._paths = {sample.id: sample.truth for sample in samples if sample.truth is not None}
        self._resize = resize

    def __getitem__(self, name: str) -> Image.Image:
        return self._resize.read(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)
