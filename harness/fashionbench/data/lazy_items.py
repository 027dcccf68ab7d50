"""Items that are read from disk when their batch comes up."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import PIL

from fashionbench.data.image_files import READER
from fashionbench.data.images import read_rgb
from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import ComposedItem, ImageItem, Item, TextItem

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.data.file_index import FileIndex
    from fashionbench.data.items import Box


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
    """A composed query whose reference image is a file.

    :param box: as in :class:`~fashionbench.data.items.ComposedItem`.
    """

    id: str
    path: Path
    text: str
    box: Box | None = None

    def open(self) -> ComposedItem:
        """Read the reference image as RGB."""
        return ComposedItem(self.id, read_rgb(self.path), self.text, self.box)


Source: TypeAlias = Item | Opener


def opened(source: Source) -> Item:
    """Return the item itself, reading it where that was left for now."""
    return source.open() if isinstance(source, Opener) else source


def content_key(source: Source, index: FileIndex | None) -> bytes | None:
    """Return a hash of an item's content that needs no decoding; None where there is none.

    An image file counts by the hash of its bytes, as the index remembers it, and by the versions of what decodes it.
    """
    if isinstance(source, TextItem):
        return item_hash(source)
    if index is None or not isinstance(source, (ImageFile, ComposedFile)):
        return None
    content = index.content_hash(source.path)
    if content is None:
        return None
    text = source.text if isinstance(source, ComposedFile) else ""
    key = f"{type(source).__name__}\x00{content}\x00{PIL.__version__}/{READER}\x00{text}"
    if isinstance(source, ComposedFile) and source.box is not None:
        key += f"\x00{source.box}"
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=32).digest()
