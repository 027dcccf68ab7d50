"""The exact truth behind a folder: the world that it was made from, made again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_atelier.layouts.source import Stock
from fashionbench_atelier.manifest import VERSION, read_mark
from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from pathlib import Path


def truth(root: Path) -> Stock:
    """Return products, queries, people and splits of a folder by its mark, without reading its files.

    :raises DataError: the folder is no whole Atelier, or another version made it.
    """
    mark = read_mark(root)
    if mark.version != VERSION:
        msg = f"{root} was made by version {mark.version} of Atelier, and this is version {VERSION}"
        raise DataError(msg, remedy="make it again with 'fashionbench data make atelier'")
    return Stock(World(mark.seed, mark.sizes["products"], mark.sizes["people"], mark.sizes["outfits"]))
