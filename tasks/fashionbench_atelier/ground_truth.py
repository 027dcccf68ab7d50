"""Ground truth of a generated folder: its world, computed again from the seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_atelier.layouts.source import LayoutSource
from fashionbench_atelier.manifest import VERSION, read_manifest
from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from pathlib import Path


def truth(root: Path) -> LayoutSource:
    """Return products, queries, people and splits of a folder by its mark, without reading its files.

    :raises DataError: the folder is no whole Atelier, or another version made it.
    """
    manifest = read_manifest(root)
    if manifest.version != VERSION:
        msg = f"{root} was made by version {manifest.version} of Atelier, and this is version {VERSION}"
        raise DataError(msg, remedy="make it again with 'fashionbench data make atelier'")
    return LayoutSource(
        World(manifest.seed, manifest.sizes["products"], manifest.sizes["people"], manifest.sizes["outfits"])
    )
