"""Deal the products of a world to train, val and test."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench_tasks.atelier.world import World

SHARES = {"train": 4, "val": 4, "test": 1}


def deal(world: World) -> dict[int, str]:
    """Give each product a split, whole families at a time, so that nothing leaks from one split to another.

    In a small world the dice of :meth:`World.split` may give one split all the large families. Here the families of a
    category are dealt from the largest down, each to the split that is furthest behind its share, so that every
    category has queries in every split.
    """
    families: dict[str, dict[int, list[int]]] = {}
    for product in world.products:
        families.setdefault(product.category, {}).setdefault(world.family(product.id), []).append(product.id)
    splits: dict[int, str] = {}
    for shelf in families.values():
        held = dict.fromkeys(SHARES, 0)
        for members in sorted(shelf.values(), key=lambda family: (-len(family), family[0])):
            split = min(SHARES, key=lambda name: (held[name] + len(members)) / SHARES[name])
            held[split] += len(members)
            splits.update(dict.fromkeys(members, split))
    return splits
