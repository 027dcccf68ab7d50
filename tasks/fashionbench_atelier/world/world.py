"""A world: from a seed to products, photos, triplets, people who wear them, outfits, duplicates and missing files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError
from fashionbench_atelier.rendering.photos import plan_photos
from fashionbench_atelier.world.dressed_people import dressed_people
from fashionbench_atelier.world.garment import design, vary
from fashionbench_atelier.world.outfits import ensembles
from fashionbench_atelier.world.relative_captions import annotate, differences
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CATEGORIES, CUTS

if TYPE_CHECKING:
    from fashionbench_atelier.rendering.photos import Photo
    from fashionbench_atelier.world.dressed_people import DressedPerson
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.outfits import Ensemble
    from fashionbench_atelier.world.relative_captions import Relative

SPLITS = ("train", "val", "test")
TRIPLET_CATEGORIES = ("dress", "shirt", "toptee")

_CATEGORY_WEIGHTS = {"dress": 5, "shirt": 5, "toptee": 5, "skirt": 2, "trousers": 2.5, "jacket": 2.5}
_SPLIT_WEIGHTS = {"train": 6, "val": 2, "test": 2}
_VARIANT_RATE, _DUPLICATE_RATE, _MISSING_RATE = 0.5, 0.008, 0.004


@dataclass(frozen=True, slots=True)
class Triplet:
    """A composed query with its answer.

    :param changed: every attribute in which reference and target differ.
    :param captions: what the two annotators wrote.
    """

    category: str
    split: str
    reference: int
    target: int
    changed: tuple[str, ...]
    captions: tuple[Relative, Relative]


@dataclass(frozen=True)
class World:
    """Everything that is true of one seed; computed when it is asked for, and the same in every process.

    :param seed: any integer; another seed is another world.
    :param size: number of products.
    :param people: number of people.
    :param outfits: number of outfits.
    :raises ConfigError: a number is negative.
    """

    seed: int
    size: int = 6000
    people: int = 500
    outfits: int = 600

    def __post_init__(self) -> None:
        for field in ("size", "people", "outfits"):
            if getattr(self, field) < 0:
                raise ConfigError(f"atelier: {field} is {getattr(self, field)}", remedy="give a number from 0 upwards")

    @cached_property
    def _drawn(self) -> tuple[tuple[Product, ...], dict[int, int], dict[int, int]]:
        products: list[Product] = []
        parents: dict[int, int] = {}
        duplicates: dict[int, int] = {}
        pools: dict[str, list[Product]] = {category: [] for category in CATEGORIES}
        seen: set[tuple[str, ...]] = set()
        for identity in range(self.size):
            rng = Rng(self.seed, "product", identity)
            category = rng.weighted(_CATEGORY_WEIGHTS)
            pool = pools[category]
            if pool and rng.chance(_DUPLICATE_RATE):
                original = rng.pick(pool)
                duplicates[identity] = duplicates.get(original.id, original.id)
                product = replace(original, id=identity)
            else:
                product, parent = _new(rng, identity, category, pool, seen)
                if parent is not None:
                    parents[identity] = parent
            seen.add(product.signature)
            pool.append(product)
            products.append(product)
        return tuple(products), parents, duplicates

    @property
    def products(self) -> tuple[Product, ...]:
        """The products by id; no two have the same signature, except planned duplicates."""
        return self._drawn[0]

    @property
    def parents(self) -> dict[int, int]:
        """Product to the earlier product that it was varied from."""
        return self._drawn[1]

    @property
    def duplicates(self) -> dict[int, int]:
        """Product to the original that it repeats in everything but its photos: duplicates made on purpose."""
        return self._drawn[2]

    def family(self, identity: int) -> int:
        """Return the product that a product goes back to, through variations and duplicates."""
        while True:
            origin = self.parents.get(identity, self.duplicates.get(identity, identity))
            if origin == identity:
                return identity
            identity = origin

    def split(self, identity: int) -> str:
        """Return the split of a product; a family is never divided, so nothing leaks from one split to another."""
        return Rng(self.seed, "split", self.family(identity)).weighted(_SPLIT_WEIGHTS)

    def photos(self, identity: int) -> tuple[Photo, ...]:
        """Plan the photos of a product, the missing ones among them."""
        return plan_photos(self.seed, self.products[identity])

    @cached_property
    def missing(self) -> frozenset[tuple[int, int]]:
        """Photos, as (product, index), whose files are left out on purpose, as some are missing from the real sets."""
        return frozenset(
            (product.id, photo.index)
            for product in self.products
            for photo in self.photos(product.id)
            if Rng(self.seed, "missing", product.id, photo.index).chance(_MISSING_RATE)
        )

    @cached_property
    def triplets(self) -> tuple[Triplet, ...]:
        """Composed queries: each varied product is the target of the product that it was varied from."""
        triplets = []
        for target, reference in self.parents.items():
            one, other = self.products[reference], self.products[target]
            if other.category in TRIPLET_CATEGORIES:
                captions = annotate(Rng(self.seed, "relative", target), one, other)
                changed = differences(one, other)
                triplets.append(Triplet(other.category, self.split(target), reference, target, changed, captions))
        return tuple(triplets)

    @cached_property
    def dressed_people(self) -> tuple[DressedPerson, ...]:
        """People and what they wear."""
        return dressed_people(self.seed, self.products, self.people)

    @cached_property
    def ensembles(self) -> tuple[Ensemble, ...]:
        """Outfits with a fill-in-the-blank question each."""
        return ensembles(self.seed, self.products, self.outfits)


def _new(
    rng: Rng, identity: int, category: str, pool: list[Product], seen: set[tuple[str, ...]]
) -> tuple[Product, int | None]:
    """Draw a product that does not exist yet: a variation of an earlier one, or a new one."""
    cuts = [cut for cut, rules in CUTS.items() if rules.category == category]
    while True:
        if pool and rng.chance(_VARIANT_RATE):
            origin = rng.pick(pool)
            product = vary(rng, origin, identity, rng.weighted({1: 5, 2: 3, 3: 1}))
            parent = origin.id
        else:
            product, parent = design(rng, identity, rng.pick(cuts)), None
        if product.signature not in seen:
            return product, parent
