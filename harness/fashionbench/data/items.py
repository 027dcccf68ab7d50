"""What one row of a batch is, for each capability."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image


@dataclass(frozen=True, slots=True)
class ImageItem:
    """An image and its id; the id names it in errors and files and carries no meaning."""

    id: str
    image: Image


@dataclass(frozen=True, slots=True)
class TextItem:
    """A text and its id."""

    id: str
    text: str


#: Left, top, right and bottom in pixels of an image, the last two outside of the box.
Box: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ComposedItem:
    """A composed query: a reference image, and what should be different.

    :param box: where the object is in the image that should stay the same; None where nobody says.
    """

    id: str
    image: Image
    text: str
    box: Box | None = None

    @property
    def anchor(self) -> Image:
        """What lies within the box, cut at the edges of the image; the whole image where there is no box.

        :raises DataError: where the box lies beside the image.
        """
        if self.box is None:
            return self.image
        left, top, right, bottom = self.box
        inside = max(left, 0), max(top, 0), min(right, self.image.width), min(bottom, self.image.height)
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            size = f"{self.image.width} x {self.image.height} pixels"
            msg = f"the box {self.box} of the query {self.id} holds nothing of its image of {size}"
            raise DataError(msg, remedy="boxes are left, top, right, bottom in pixels of the image as it is stored")
        return self.image.crop(inside)


@dataclass(frozen=True, slots=True)
class PairItem:
    """A query and one candidate of it; either side may be an image, a text or both."""

    id: str
    query: ImageItem | TextItem | ComposedItem
    candidate: ImageItem | TextItem | ComposedItem


def _no_images() -> Mapping[str, Image]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class TryOnItem:
    """A person, a garment, and the conditions by name, such as ``agnostic-mask`` and ``densepose``.."""

    id: str
    person: Image
    garment: Image
    conditions: Mapping[str, Image] = field(default_factory=_no_images)


@dataclass(frozen=True, slots=True)
class TryOffItem:
    """A dressed person, which of the garments is wanted, and the conditions by name, such as ``agnostic-mask``.

    :param category: such as ``upper_body``, for a person wears several garments.
    """

    id: str
    person: Image
    category: str
    conditions: Mapping[str, Image] = field(default_factory=_no_images)


@dataclass(frozen=True, slots=True)
class DesignItem:
    """A person, the wanted garment in words and as a sketch, and the conditions by name."""

    id: str
    person: Image
    text: str
    sketch: Image | None
    conditions: Mapping[str, Image] = field(default_factory=_no_images)


@dataclass(frozen=True, slots=True)
class StyleTransferItem:
    """A garment's photo and the colour and pattern that it should have: as another photo, in words, or as both.

    :param style: a photo of something of the wanted colour and pattern; None where words alone are given.
    :param text: the wanted colour and pattern in words; empty where the photo alone is given.
    :param conditions: by name, such as ``garment-mask`` and ``sketch``, all over the garment's photo.
    """

    id: str
    garment: Image
    style: Image | None
    text: str = ""
    conditions: Mapping[str, Image] = field(default_factory=_no_images)


#: What images are generated from; the answer is of the size of the person's photo, or of the garment's to be restyled.
GenerationItem: TypeAlias = TryOnItem | TryOffItem | DesignItem | StyleTransferItem

Item: TypeAlias = ImageItem | TextItem | ComposedItem | PairItem | GenerationItem


def generated_size(item: GenerationItem) -> tuple[int, int]:
    """Return the width and height that the generated image must have."""
    return item.garment.size if isinstance(item, StyleTransferItem) else item.person.size
