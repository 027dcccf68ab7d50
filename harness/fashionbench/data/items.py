"""What one row of a batch is, for each capability."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

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


@dataclass(frozen=True, slots=True)
class ComposedItem:
    """A composed query: a reference image, and what should be different."""

    id: str
    image: Image
    text: str


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
class DesignItem:
    """A person, the wanted garment in words and as a sketch, and the conditions by name."""

    id: str
    person: Image
    text: str
    sketch: Image | None
    conditions: Mapping[str, Image] = field(default_factory=_no_images)


Item: TypeAlias = ImageItem | TextItem | ComposedItem | PairItem | TryOnItem | DesignItem
