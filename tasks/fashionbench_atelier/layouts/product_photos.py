"""Render the photos of a product once, and write them wherever a layout has them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.image_files import link, save
from fashionbench_atelier.rendering.photos import render_photo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.layouts.source import LayoutSource, PhotoLayout
    from fashionbench_atelier.world.world import World


@dataclass(frozen=True, slots=True)
class PhotoJob:
    """The photos of one product.

    :param places: index of the photo and its paths below the root.
    """

    root: str
    product: int
    places: tuple[tuple[int, tuple[str, ...]], ...]

    def run(self, world: World) -> None:
        """Render the photos; one path a format is written, the others are linked to it."""
        product, photos = world.products[self.product], world.photos(self.product)
        for index, paths in self.places:
            canvas = render_photo(world.seed, product, photos[index])
            written: dict[bool, Path] = {}
            for path in paths:
                file = Path(self.root, path)
                lossless = file.suffix == ".png"
                if lossless in written:
                    link(written[lossless], file)
                else:
                    save(file, canvas)
                    written[lossless] = file


def photo_jobs(source: LayoutSource, layouts: Sequence[PhotoLayout], root: Path) -> list[PhotoJob]:
    """Gather what the layouts want of each product."""
    places: dict[int, dict[int, list[str]]] = {}
    for layout in layouts:
        for (product, index), path in layout.photos(source):
            places.setdefault(product, {}).setdefault(index, []).append(path)
    return [
        PhotoJob(str(root), product, tuple((index, tuple(paths)) for index, paths in sorted(photos.items())))
        for product, photos in sorted(places.items())
    ]
