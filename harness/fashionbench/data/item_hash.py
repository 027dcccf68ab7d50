"""Hash what a backend is given, so that a cache finds it again and a guard sees that it was left alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from fashionbench.data.items import (
    ComposedItem,
    DesignItem,
    ImageItem,
    Item,
    PairItem,
    StyleTransferItem,
    TextItem,
    TryOffItem,
    TryOnItem,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL.Image import Image


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


def item_hash(item: Item) -> bytes:
    """Hash the content of an item, 32 bytes.

    The id is left out, for it carries no meaning. Images count with mode and size: a white 10 x 20 image and a white
    20 x 10 image have the same bytes.
    """
    state = hashlib.sha256()  # half the time of BLAKE2 where the processor knows it
    _feed(state, item)
    return state.digest()


def _feed(state: _Hash, item: Item) -> None:
    match item:
        case ImageItem():
            _image(state, item.image)
        case TextItem():
            _text(state, item.text)
        case ComposedItem():
            _composed(state, item)
        case PairItem():
            _feed(state, item.query)
            state.update(b"pair")
            _feed(state, item.candidate)
        case TryOnItem() | TryOffItem() | DesignItem():
            _worn(state, item)
        case StyleTransferItem():
            _restyled(state, item)


def _worn(state: _Hash, item: TryOnItem | TryOffItem | DesignItem) -> None:
    _image(state, item.person)
    if isinstance(item, TryOnItem):
        _image(state, item.garment)
    elif isinstance(item, TryOffItem):
        _text(state, item.category)
    else:
        _text(state, item.text)
        if item.sketch is not None:
            _image(state, item.sketch)
    _conditions(state, item.conditions)


def _restyled(state: _Hash, item: StyleTransferItem) -> None:
    _image(state, item.garment)
    _text(state, item.text)
    if item.style is not None:
        _image(state, item.style)
    _conditions(state, item.conditions)


def _conditions(state: _Hash, conditions: Mapping[str, Image]) -> None:
    for name, image in sorted(conditions.items()):
        _text(state, name)
        _image(state, image)


def _composed(state: _Hash, item: ComposedItem) -> None:
    _image(state, item.image)
    _text(state, item.text)
    if item.box is not None:
        state.update(f"box|{item.box}|".encode())


def _image(state: _Hash, image: Image) -> None:
    content = image.tobytes()
    state.update(f"image|{image.mode}|{image.size}|{len(content)}|".encode())
    state.update(content)


def _text(state: _Hash, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    state.update(f"text|{len(content)}|".encode())
    state.update(content)
