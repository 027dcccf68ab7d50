"""Try-on examples of tasks: without what is measured, and with some garments held out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench.seeding import seed_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.training_examples import TryOnExample
    from fashionbench.training.contract import TrainingContext, TrainingPart


@dataclass(slots=True)
class TryOnExamples:
    """Where examples lie: a sequence that decodes them when it is indexed, and the place in it.

    :param counts: how many there are of each, and how many were left out.
    """

    parts: list[TrainingPart]
    train: list[tuple[Sequence[TryOnExample], int]] = field(default_factory=list)
    held: list[tuple[Sequence[TryOnExample], int]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)


def collect_try_on(tasks: Sequence[str], held_out: float, limit: int | None, context: TrainingContext) -> TryOnExamples:
    """Open the training parts of tasks; examples with an image that is measured are left out, and counted.

    :param held_out: the fraction of garments that are kept for validation, by a hash of their ids.
    :param limit: the most examples to learn from; None for all.
    :raises DataError: where fewer than two examples are left.
    """
    found = TryOnExamples([context.part(name) for name in tasks])
    evaluated = frozenset().union(*(part.evaluated for part in found.parts))
    met = 0
    for part in found.parts:
        rows = part.data.tryon_examples
        names = getattr(rows, "names", None) or [(row.item.id, row.text, row.item.id) for row in rows]
        for at, (image, _, garment) in enumerate(names):
            if {image, garment} & evaluated:
                met += 1
                continue
            held = seed_of("held out", garment, bits=53) / 2**53 < held_out
            (found.held if held else found.train).append((rows, at))
    if limit is not None and len(found.train) > limit:
        count = len(found.train)
        found.train = [found.train[at * count // limit] for at in range(limit)]
    if len(found.train) < 2:
        msg = f"{', '.join(tasks)} have {len(found.train)} try-on examples to learn from"
        raise DataError(msg, remedy="name tasks with training examples, or a smaller held_out")
    found.counts = {
        "try-on examples": len(found.train),
        "held out try-on examples": len(found.held),
        "left out because they are evaluated": met,
    }
    return found
