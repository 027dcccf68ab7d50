"""What a backend may learn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.data.items import ImageItem, TextItem


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
class TrainingData:
    """The training part of a task.

    Sequences may read their images only when they are indexed; a backend that goes over them twice reads them twice.

    :param fold: the name of the part that is held out, so that a backend can name what it learnt.
    """

    fold: str
    pairs: Sequence[Pair] = ()
    triplets: Sequence[Triplet] = ()
