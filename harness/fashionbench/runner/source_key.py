"""The key of an item among the embeddings of a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.item_hash import item_hash
from fashionbench.data.items import ComposedItem, ImageItem, TextItem

if TYPE_CHECKING:
    from collections.abc import Hashable

    from fashionbench.data.lazy_items import Source


def source_key(source: Source) -> Hashable:
    """Name an item by id and content: a text or a file by its words or path, an image in memory by its pixels."""
    if isinstance(source, TextItem):
        return source
    if isinstance(source, (ImageItem, ComposedItem)):
        return source.id, item_hash(source)
    try:
        return source.id, hash(source)
    except TypeError:
        return source.id, id(source)
