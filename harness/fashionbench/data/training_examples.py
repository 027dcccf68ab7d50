"""What a backend may learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.data.items import ImageItem, TextItem, TryOnItem
    from fashionbench.data.lazy_items import Source

#: What training data are made of, by the name of the field that holds them.
Kind: TypeAlias = Literal["pairs", "triplets", "tryon_examples"]


def _no_images() -> Mapping[str, Source]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Pair:
    """An image and a text of one product; pairs of one product are no negatives of each other."""

    image: ImageItem
    text: TextItem
    product: str


@dataclass(frozen=True, slots=True)
class Triplet:
    """A reference image, a modification text, and the target image."""

    reference: ImageItem
    text: TextItem
    target: ImageItem


@dataclass(frozen=True, slots=True)
class TryOnExample:
    """A person, a garment and conditions as in try-on, with the image that should come out.

    :param text: the garment in words; empty where nobody has described it.
    :param sketch: the garment as a line drawing; None where nobody has drawn it.
    """

    item: TryOnItem
    target: ImageItem
    text: str = ""
    sketch: ImageItem | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The training part of a task.

    Sequences may read their images only when they are indexed; a backend that goes over them twice reads them twice.
    Such a sequence may have an attribute ``names``, a list of (image id, text, product) of pairs, of (reference id,
    text, target id) of triplets, or of (image id, text, garment id) of tryon_examples, so that nobody has to decode a
    image to learn what there is.

    :param fold: the name of the part that is held out, so that a backend can name what it learnt.
    :param images: each image as the examples show it, by its id, to be compared with those that are measured, and to
        be opened by itself.
    """

    fold: str
    pairs: Sequence[Pair] = ()
    triplets: Sequence[Triplet] = ()
    tryon_examples: Sequence[TryOnExample] = ()
    images: Mapping[str, Source] = field(default_factory=_no_images)

    def examples(self, kinds: frozenset[Kind]) -> list[Sequence[object]]:
        """Return the examples of the given kinds that there are, or of all kinds where none is given."""
        parts: dict[Kind, Sequence[object]] = {
            "pairs": self.pairs,
            "triplets": self.triplets,
            "tryon_examples": self.tryon_examples,
        }
        return [rows for kind, rows in parts.items() if len(rows) and (not kinds or kind in kinds)]
