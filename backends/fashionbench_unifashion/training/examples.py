"""Training examples as references into the training parts of tasks, with those held out apart."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL.Image import Image

    from fashionbench.data.training_examples import TryOnExample
    from fashionbench.training.contract import TrainingPart


@dataclass(frozen=True, slots=True)
class PairReference:
    """Reference to a training pair: an image, by its id, and its text."""

    image: str
    text: str
    product: str
    instruction: str
    task: str


@dataclass(frozen=True, slots=True)
class TripletReference:
    """Reference to a training triplet; ``caption`` describes the target, or is empty where nobody has described it."""

    reference: str
    text: str
    target: str
    caption: str
    instruction: str


@dataclass(frozen=True, slots=True)
class TryOnReference:
    """Reference to a try-on example, by its place in the training part of a task."""

    at: int
    task: str


@dataclass(slots=True)
class TrainingExamples:
    """Training examples, and the hold-out split of them.

    :param open: opens an image by its id.
    :param tryon_example: opens a try-on example.
    :param counts: how many there are, were left out and are held out, by name.
    :param without_text: how many pairs and triplets have an empty text.
    """

    pairs: list[PairReference] = field(default_factory=list)
    held_pairs: list[PairReference] = field(default_factory=list)
    triplets: list[TripletReference] = field(default_factory=list)
    held_triplets: list[TripletReference] = field(default_factory=list)
    tryon_examples: list[TryOnReference] = field(default_factory=list)
    held_tryon_examples: list[TryOnReference] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    sources: dict[str, Callable[[], Image]] = field(default_factory=dict)
    parts: dict[str, TrainingPart] = field(default_factory=dict)
    without_text: int = 0

    def open(self, name: str) -> Image:
        """Open an image."""
        return self.sources[name]()

    def tryon_example(self, example: TryOnReference) -> TryOnExample:
        """Open a try-on example."""
        return self.parts[example.task].data.tryon_examples[example.at]

    def of(self, tasks: Sequence[str] | None) -> TrainingExamples:
        """Return these examples with the pairs of some tasks alone; None means all.

        :raises DataError: where none is left to learn from, or none is held out.
        """
        if tasks is None:
            return self
        pairs, held = ([x for x in kept if x.task in tasks] for kept in (self.pairs, self.held_pairs))
        if not pairs or not held:
            msg = f"{', '.join(tasks)} leave no pairs to learn from, or none held out"
            raise DataError(msg, remedy="take larger data, or a larger limit or held_out")
        return replace(self, pairs=pairs, held_pairs=held)

    @property
    def texts(self) -> list[str]:
        """Every text of the examples that are learnt from, for vocabularies."""
        pairs = [example.text for example in self.pairs]
        return pairs + [text for example in self.triplets for text in (example.text, example.caption) if text]
