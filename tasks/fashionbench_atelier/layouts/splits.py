"""Assign the products of a world to train, val and test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench_atelier.world.world import World

SHARES = {"train": 4, "val": 4, "test": 1}
"""Of a small world, whose val split would otherwise be too small to measure anything."""

LARGE_SHARES = {"train": 7, "val": 2, "test": 1}
LARGE = 2000
"""Number of products from which on a world is split by the second shares, to learn from."""


def shares(products: int) -> dict[str, int]:
    """Return the shares by which a world of so many products is split."""
    return LARGE_SHARES if products >= LARGE else SHARES


def assign_splits(world: World) -> dict[int, str]:
    """Give each product a split, whole families at a time, so that nothing leaks from one split to another.

    In a small world the random draws of :meth:`World.split` may give one split all the large families. Here the
    families of a category are assigned from the largest down, each to the split that is furthest behind its share, so
    that every category has queries in every split.
    """
    families: dict[str, dict[int, list[int]]] = {}
    for product in world.products:
        families.setdefault(product.category, {}).setdefault(world.family(product.id), []).append(product.id)
    share = shares(len(world.products))
    splits: dict[int, str] = {}
    for pool in families.values():
        held = dict.fromkeys(share, 0)
        for members in sorted(pool.values(), key=lambda family: (-len(family), family[0])):
            split = min(share, key=lambda name: (held[name] + len(members)) / share[name])
            held[split] += len(members)
            splits.update(dict.fromkeys(members, split))
    return splits
