"""Repaint: paste the person back outside the agnostic mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.samples import GenerationSample

    Pixels = NDArray[np.uint8]


def repaint(sample: GenerationSample, pixels: Pixels, resize: Resize) -> Pixels:
    """Paste the person back outside the agnostic mask, which flatters every metric and changes no garment.

    :raises DataError: where the sample has no agnostic mask.
    """
    if "agnostic-mask" not in sample.conditions:
        msg = f"{sample.id} has no agnostic mask to repaint outside of"
        raise DataError(msg, remedy="use a task without repaint")
    inside = np.asarray(resize.read_mask(sample.conditions["agnostic-mask"], sample.person))[..., None] > 127
    return np.where(inside, pixels, np.asarray(resize.read(sample.person))).astype(np.uint8)
