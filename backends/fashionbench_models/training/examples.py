"""Training pairs of tasks: without what is measured, and with some products held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.Image import Image

    from fashionbench.training.contract import TrainingContext, TrainingPart
    from fashionbench_models.training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Example:
    """A pair whose image is decoded when it is asked for."""

    open: Callable[[], Image]
    text: str
    product: str


@dataclass(slots=True)
class Examples:
    """Pairs to learn from, and pairs of other products to compare on.

    :param counts: how many there are of each, and how many were left out.
    """

    parts: list[TrainingPart]
    train: list[Example] = field(default_factory=list)
    held: list[Example] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def collect(recipe: Recipe, context: TrainingContext) -> Examples:
    """Open the training parts of the recipe's tasks; pairs whose image is measured are left out, and counted.

    :raises DataError: where fewer than two products are left.
    """
    found = Examples([context.part(name) for name in recipe.pairs])
    evaluated = frozenset().union(*(part.evaluated for part in found.parts))
    met = 0
    for part in found.parts:
        pairs = part.data.pairs
        names = getattr(pairs, "names", None) or [(pair.image.id, pair.text.text, pair.product) for pair in pairs]
        for at, (image, text, product) in enumerate(names):
            if image in evaluated:
                met += 1
                continue
            held = seed_of("held out", product, bits=53) / 2**53 < recipe.held_out
            example = Example(lambda pairs=pairs, at=at: pairs[at].image.image, text, product)  # type: ignore[misc]
            (found.held if held else found.train).append(example)
    if recipe.limit is not None and len(found.train) > recipe.limit:
        count = len(found.train)
        found.train = [found.train[at * count // recipe.limit] for at in range(recipe.limit)]
    if len({example.product for example in found.train}) < 2:
        msg = f"{', '.join(recipe.pairs)} have {len(found.train)} pairs to learn from, of fewer than two products"
        raise DataError(msg, remedy="name tasks with training pairs, or a smaller held_out")
    found.counts = {
        "pairs": len(found.train),
        "held out pairs": len(found.held),
        "left out because they are evaluated": met,
    }
    return found
