"""What a feature extractor is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


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

    def features(self, pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Turn RGB pictures [H, W, 3] of any size into features [N, D]."""
        ...
