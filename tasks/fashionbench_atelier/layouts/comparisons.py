"""Composed queries between the products of a family: a reference, what should be different, and the target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.world.relative_captions import annotate, differences
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from fashionbench_atelier.world.relative_captions import Relative
    from fashionbench_atelier.world.world import World


@dataclass(frozen=True, slots=True)
class Comparison:
    """A composed query by product id; ``changed`` names every attribute in which the two differ."""

    category: str
    reference: int
    target: int
    changed: tuple[str, ...]
    captions: tuple[Relative, Relative]


def comparisons(world: World) -> tuple[Comparison, ...]:
    """Make each product that has a relative the target of one query, as in Fashion-IQ, where no target is used twice.

    Its reference is the product that it was varied from; these are the world's triplets. A product that was not varied
    from any, but has variations, is the target of its first variation.

    :returns: sorted by target; products of every category.
    """
    references = dict(world.parents)
    for child, parent in sorted(world.parents.items()):
        if parent not in world.parents:
            references.setdefault(parent, child)
    known = {(triplet.reference, triplet.target): triplet.captions for triplet in world.triplets}
    queries = []
    for target, reference in sorted(references.items()):
        one, other = world.products[reference], world.products[target]
        captions = known.get((reference, target)) or annotate(
            Rng(world.seed, "comparison", reference, target), one, other
        )
        queries.append(Comparison(other.category, reference, target, differences(one, other), captions))
    return tuple(queries)
