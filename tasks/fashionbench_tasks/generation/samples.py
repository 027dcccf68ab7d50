"""Samples of a generation task: the files of a person, a garment and conditions, read when their batch comes up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fashionbench.data.items import DesignItem, StyleTransferItem, TryOffItem, TryOnItem
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from PIL import Image

    from fashionbench.data.items import GenerationItem
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

    def read(self, resize: Resize) -> GenerationItem:
        """Read all images.

        :raises DataError: where there is neither a garment nor a text, or an image that lies over the person is of
            another shape.
        """
        conditions = resize.read_conditions(self.conditions, self.person, self.photo)
        person = resize.read(self.person)
        if self.category:
            return TryOffItem(self.id, person, self.category, conditions)
        if self.text:
            sketch = resize.read_over("sketch", self.garment, self.person) if self.garment else None
            return DesignItem(self.id, person, self.text, sketch, conditions)
        if self.garment is None:
            raise DataError(f"{self.id} has neither a garment nor a text", remedy="check the lists of pairs")
        return TryOnItem(self.id, person, resize.read(self.garment), conditions)

    def shown(self) -> dict[str, Path]:
        """Return what a person is shown of it, by what it is."""
        paths = {"person": self.person, "sketch" if self.text else "garment": self.garment, "truth": self.truth}
        return {what: path for what, path in paths.items() if path is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class StyleSample(GenerationSample):
    """The files of a garment that is to have another style: ``person`` is its photo, ``garment`` that of the style.

    ``text`` is the style in words; one of the two may be missing.
    """

    @property
    def photo(self) -> Path:
        """The photo of the garment whose style is changed."""
        return self.person

    def read(self, resize: Resize) -> StyleTransferItem:
        """Read all images.

        :raises DataError: where there is neither a photo of the style nor a text, or a condition is of another shape
            than the garment's photo.
        """
        if self.garment is None and not self.text:
            raise DataError(f"{self.id} has no style", remedy="give it a photo, or words")
        conditions = resize.read_conditions(self.conditions, self.person, None)
        style = None if self.garment is None else resize.read(self.garment)
        return StyleTransferItem(self.id, resize.read(self.person), style, self.text, conditions)

    def shown(self) -> dict[str, Path]:
        """Return what a person is shown of it, by what it is."""
        paths = {"garment": self.person, "style": self.garment, "truth": self.truth}
        return {what: path for what, path in paths.items() if path is not None}


@dataclass(frozen=True, slots=True)
class LazySample:
    """A sample as an item whose images are read when its batch comes up."""

    sample: GenerationSample
    resize: Resize

    @property
    def id(self) -> str:
        """The id of the sample."""
        return self.sample.id

    def open(self) -> GenerationItem:
        """Read all images of the sample.

        :raises DataError: as the sample does.
        """
        return self.sample.read(self.resize)


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
