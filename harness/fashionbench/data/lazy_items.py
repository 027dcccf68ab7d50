"""Items that are read from disk when their batch comes up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from PIL import Image

from fashionbench.data.items import ComposedItem, ImageItem, Item
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path


@runtime_checkable
class Opener(Protocol):
    """An item that is not in memory yet."""

    @property
    def id(self) -> str:
        """The id of the item."""
        ...

    def open(self) -> Item:
        """Read it.

        :raises DataError: where it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file; transparent pixels are laid on white."""

    id: str
    path: Path

    def open(self) -> ImageItem:
        """Read the image as RGB."""
        return ImageItem(self.id, read_rgb(self.path))


@dataclass(frozen=True, slots=True)
class ComposedFile:
    """A composed query whose reference image is a file."""

    id: str
    path: Path
    text: str

    def open(self) -> ComposedItem:
        """Read the reference image as RGB."""
        return ComposedItem(self.id, read_rgb(self.path), self.text)


Source: TypeAlias = Item | Opener


def opened(source: Source) -> Item:
    """Return the item itself, reading it where that was left for now."""
    return source.open() if isinstance(source, Opener) else source


def read_rgb(path: Path) -> Image.Image:
    """Read an image as RGB, transparent pixels laid on white.

    :raises DataError: where the file is missing or cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            image.load()
            if "A" not in image.getbands() and "transparency" not in image.info:
                return image.convert("RGB")
            layer = image.convert("RGBA")
    except Exception as error:
        msg = f"the image {path} cannot be read: {error}"
        raise DataError(msg, remedy="fetch the file again") from error
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")
