"""Options of the baselines of style transfer."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench_baselines.options import require


@dataclass(frozen=True, slots=True)
class ColourOptions:
    """How the colours of a style are found.

    :param tolerance: by how many of 255 levels a pixel of a photo may differ from its border and still be background.
    """

    tolerance: int = 24

    def __post_init__(self) -> None:
        require(0 <= self.tolerance <= 255, "tolerance", self.tolerance, "between 0 and 255")
