"""Input of every layout: a world, its splits, its composed queries and its try-on lists."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from fashionbench_atelier.layouts.comparisons import comparisons
from fashionbench_atelier.layouts.splits import assign_splits
from fashionbench_atelier.layouts.try_on_lists import ListedPerson, listed_people

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fashionbench_atelier.layouts.comparisons import Comparison
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.world import World

PhotoKey = tuple[int, int]
"""A photo: id of the product, and index within the product."""


@dataclass(frozen=True)
class LayoutSource:
    """A world with its products assigned to splits and its people to try-on lists."""

    world: World

    @cached_property
    def splits(self) -> dict[int, str]:
        """The split of each product."""
        return assign_splits(self.world)

    @cached_property
    def comparisons(self) -> tuple[Comparison, ...]:
        """The composed queries; reference and target are of one split."""
        return comparisons(self.world)

    @cached_property
    def listed_people(self) -> tuple[ListedPerson, ...]:
        """The people of the try-on layouts."""
        return listed_people(self.world)

    def products(self, *splits: str) -> list[Product]:
        """List the products of some splits, by id."""
        return [product for product in self.world.products if self.splits[product.id] in splits]

    def photo_keys(self, product: Product) -> list[PhotoKey]:
        """List the photos of a product."""
        return [(product.id, photo.index) for photo in self.world.photos(product.id)]


class Job(Protocol):
    """A rendering job for a worker process."""

    def run(self, world: World) -> None:
        """Draw it, and write the files."""
        ...


class Layout(Protocol):
    """A module that writes one layout below the root of Atelier, into the folder that it names."""

    FOLDER: str

    def write(self, source: LayoutSource, root: Path) -> None:
        """Write the annotations once the images are there."""
        ...


class PhotoLayout(Layout, Protocol):
    """A layout of product photos."""

    def photos(self, source: LayoutSource) -> Iterable[tuple[PhotoKey, str]]:
        """List the photos that it holds, each with a path below the root that ends in its format."""
        ...


class PeopleLayout(Layout, Protocol):
    """A layout of people."""

    def person_jobs(self, source: LayoutSource, root: Path) -> Iterable[Job]:
        """List the images that have to be drawn."""
        ...
