"""Take the photos of a product once and put them wherever a layout wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench_atelier.layouts.image_files import link, save
from fashionbench_atelier.rendering.photos import shoot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.layouts.source import PhotoLayout, Stock
    from fashionbench_atelier.world.world import World


@dataclass(frozen=True, slots=True)
class Shoot:
    """The photos of one product.

    :param places: index of the photo and its paths below the root.
    """

    root: str
    product: int
    places: tuple[tuple[int, tuple[str, ...]], ...]

    def run(self, world: World) -> None:
        """Take the photos; one path a format is written, the others are linked to it."""
        product, photos = world.products[self.product], world.photos(self.product)
        for index, paths in self.places:
            canvas = shoot(world.seed, product, photos[index])
            written: dict[bool, Path] = {}
            for path in paths:
                file = Path(self.root, path)
                lossless = file.suffix == ".png"
                if lossless in written:
                    link(written[lossless], file)
                else:
                    save(file, canvas)
                    written[lossless] = file


def shoots(stock: Stock, layouts: Sequence[PhotoLayout], root: Path) -> list[Shoot]:
    """Gather what the layouts want of each product."""
    places: dict[int, dict[int, list[str]]] = {}
    for layout in layouts:
        for (product, index), path in layout.photos(stock):
            places.setdefault(product, {}).setdefault(index, []).append(path)
    return [
        Shoot(str(root), product, tuple((index, tuple(paths)) for index, paths in sorted(found.items())))
        for product, found in sorted(places.items())
    ]
