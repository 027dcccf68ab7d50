"""What a feature extractor is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


class TextFeatures(NamedTuple):
    """The features of texts [N, D], and how many tokens of each were cut off [N] because the network reads no more."""

    features: NDArray[np.float32]
    cut: NDArray[np.int64]


class Extractor(Protocol):
    """A frozen network with its preprocessing."""

    @property
    def id(self) -> str:
        """The name that metrics carry, such as ``inception-v3-fid``."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of weights and preprocessing; it enters the record."""
        ...

    def features(self, images: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB images [H, W, 3] of any size into features [N, D]."""
        ...


@runtime_checkable
class NamesWeights(Protocol):
    """An extractor that knows which published file its weights are."""

    @property
    def published(self) -> str:
        """The name that the weights were published under, or ``unrecognised``."""
        ...


@runtime_checkable
class JointExtractor(Extractor, Protocol):
    """An extractor that puts texts into the space of its images, such as CLIP."""

    def text_features(self, texts: Sequence[str]) -> TextFeatures:
        """Turn texts into features [N, D]; what is cut off is counted."""
        ...
