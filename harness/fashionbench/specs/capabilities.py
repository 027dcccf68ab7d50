"""What a backend can do, one protocol a capability.

A backend needs no base class: it has the methods of the capabilities that its specification names. Every method takes a
batch and returns one row an item, in the order of the batch, and must leave its input unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import (
        ComposedItem,
        DesignItem,
        ImageItem,
        PairItem,
        StyleTransferItem,
        TextItem,
        TryOffItem,
        TryOnItem,
    )
    from fashionbench.data.training_examples import TrainingData

Capability: TypeAlias = Literal[
    "encode-image",
    "encode-text",
    "encode-composed",
    "score-pairs",
    "caption",
    "try-on",
    "try-off",
    "design",
    "style-transfer",
]
#: On which side of a retrieval an item stands: many encoders treat the two differently.
Role: TypeAlias = Literal["query", "candidate"]


@dataclass(frozen=True, slots=True)
class BackendContext:
    """What a backend is built with.

    :param options: the specification's options, overridden by the configuration.
    :param seed: the seed of every random choice it makes.
    :param device: a torch device name.
    :param cache: a folder that it may use for what it can make again.
    """

    options: Mapping[str, Any]
    seed: int
    device: str
    cache: Path


@runtime_checkable
class EncodesImages(Protocol):
    """Capability ``encode-image``."""

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.floating[Any]]:
        """Embed images as [B, D], or as [B, Q, D] for multi-vector models, which are scored by the maximum over Q."""
        ...


@runtime_checkable
class EncodesTexts(Protocol):
    """Capability ``encode-text``."""

    def encode_texts(self, items: Sequence[TextItem], role: Role) -> NDArray[np.floating[Any]]:
        """Embed texts as [B, D]."""
        ...


@runtime_checkable
class EncodesComposed(Protocol):
    """Capability ``encode-composed``."""

    def encode_composed(self, items: Sequence[ComposedItem]) -> NDArray[np.floating[Any]]:
        """Embed queries made of a reference image and a modification text as [B, D] or [B, Q, D]."""
        ...


@runtime_checkable
class ScoresPairs(Protocol):
    """Capability ``score-pairs``."""

    def score_pairs(self, items: Sequence[PairItem]) -> NDArray[np.floating[Any]]:
        """Score how well each candidate answers its query as [B], higher is better (ITM re-ranking)."""
        ...


@runtime_checkable
class Captions(Protocol):
    """Capability ``caption``."""

    def caption(self, items: Sequence[ImageItem], instruction: str) -> list[str]:
        """Describe each image; the instruction is the same for all of them."""
        ...


@runtime_checkable
class TriesOn(Protocol):
    """Capability ``try-on``."""

    def try_on(self, items: Sequence[TryOnItem]) -> NDArray[np.uint8]:
        """Dress each person in its garment, as RGB [B, H, W, 3] of the person's size."""
        ...


@runtime_checkable
class TakesOff(Protocol):
    """Capability ``try-off``."""

    def try_off(self, items: Sequence[TryOffItem]) -> NDArray[np.uint8]:
        """Make the shop's photo of a garment that each person wears, as RGB [B, H, W, 3] of the person's size."""
        ...


@runtime_checkable
class Designs(Protocol):
    """Capability ``design``."""

    def design(self, items: Sequence[DesignItem]) -> NDArray[np.uint8]:
        """Dress each person in a garment made from text and sketch, as RGB [B, H, W, 3] of the person's size."""
        ...


@runtime_checkable
class TransfersStyle(Protocol):
    """Capability ``style-transfer``."""

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> NDArray[np.uint8]:
        """Show each garment in the wanted colour and pattern, as RGB [B, H, W, 3] of the garment's photo's size."""
        ...


@runtime_checkable
class Fits(Protocol):
    """A backend that learns from the training part of a task (``BackendSpec.fits``)."""

    def fit(self, training: TrainingData, seed: int) -> None:
        """Learn; called once on a fresh object, before any other method."""
        ...


@runtime_checkable
class Reveals(Protocol):
    """A control that is shown the truth (``BackendSpec.privileged``)."""

    def reveal(self, truth: Truth) -> None:
        """Take the truth of the items to come."""
        ...


@runtime_checkable
class Fingerprints(Protocol):
    """A backend whose embeddings may be cached."""

    def fingerprint(self) -> str:
        """Hash everything that decides an embedding: weights (after ``fit``), preprocessing, precision."""
        ...


#: What each capability asks of a backend.
PROTOCOLS: dict[Capability, type] = {
    "encode-image": EncodesImages,
    "encode-text": EncodesTexts,
    "encode-composed": EncodesComposed,
    "score-pairs": ScoresPairs,
    "caption": Captions,
    "try-on": TriesOn,
    "try-off": TakesOff,
    "design": Designs,
    "style-transfer": TransfersStyle,
}
#: Those whose answers are images.
GENERATES: frozenset[Capability] = frozenset({"try-on", "try-off", "design", "style-transfer"})
#: The method of each capability, as its protocol names it.
METHODS: dict[Capability, str] = {
    capability: next(name for name in vars(protocol) if not name.startswith("_"))
    for capability, protocol in PROTOCOLS.items()
}


def satisfied(has: Iterable[Capability], needs: Iterable[frozenset[Capability]]) -> bool:
    """Tell whether a backend has at least one whole set of the capabilities that a task accepts."""
    have = frozenset(has)
    return any(needed <= have for needed in needs)
