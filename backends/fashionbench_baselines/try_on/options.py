"""Options of the try-on baselines."""

from __future__ import annotations

from dataclasses import dataclass

from fashionbench_baselines.options import require


@dataclass(frozen=True, slots=True)
class WarpOptions:
    """How a flat garment is warped.

    :param points: control points on each contour.
    :param tolerance: by how many of 255 levels a pixel of a garment's photo may differ from its border and still be
        background, where there is no mask of the garment.
    """

    points: int = 36
    tolerance: int = 24

    def __post_init__(self) -> None:
        require(self.points >= 4, "points", self.points, "at least 4")
        require(0 <= self.tolerance <= 255, "tolerance", self.tolerance, "between 0 and 255")
