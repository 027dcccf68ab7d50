"""What try-on is worth without a model: leave the person alone, paste the garment, or know the answer.

Copying the person scores a distance of zero in the unpaired setting, for the real side is those very photos, and
transfers nothing; it stands beside every unpaired number for that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import DesignItem, TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Picture = NDArray[np.uint8]


class CopyPerson:
    """Returns the person as it is."""

    def __init__(self, context: BackendContext) -> None:
        del context

    def try_on(self, items: Sequence[TryOnItem | DesignItem]) -> list[Picture]:
        """Return each person."""
        return [np.asarray(item.person) for item in items]

    design = try_on


class PasteGarment:
    """Pastes the garment's photo into the box of the agnostic mask, and keeps the person outside the mask.

    :raises BackendError: where an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        del context

    def try_on(self, items: Sequence[TryOnItem]) -> list[Picture]:
        """Return each person with its garment pasted on."""
        return [self._one(item) for item in items]

    @staticmethod
    def _one(item: TryOnItem) -> Picture:
        if "agnostic-mask" not in item.conditions:
            raise BackendError(f"{item.id} has no agnostic mask", remedy="use a data set with agnostic masks")
        mask = item.conditions["agnostic-mask"].point(lambda value: 255 * (value > 127))
        box = mask.getbbox()
        if box is None:
            return np.asarray(item.person)
        pasted = item.person.copy()
        garment = item.garment.resize((box[2] - box[0], box[3] - box[1]), Image.Resampling.BICUBIC)
        pasted.paste(garment, box[:2], mask.crop(box))
        return np.asarray(pasted)


class Oracle:
    """Returns the truth of each item, which only a privileged control is shown.

    :raises BackendError: where an item has no known truth.
    """

    def __init__(self, context: BackendContext) -> None:
        del context
        self._truth: Truth | None = None

    def reveal(self, truth: Truth) -> None:
        """Take the truth."""
        self._truth = truth

    def try_on(self, items: Sequence[TryOnItem | DesignItem]) -> list[Picture]:
        """Return the true pictures."""
        if self._truth is None:
            raise BackendError("the oracle was not shown the truth", remedy="run it through fashionbench")
        unknown = [item.id for item in items if item.id not in self._truth.images]
        if unknown:
            raise BackendError(f"nobody knows the true picture of {unknown[0]}", remedy="leave the oracle out here")
        return [np.asarray(self._truth.images[item.id]) for item in items]

    design = try_on
