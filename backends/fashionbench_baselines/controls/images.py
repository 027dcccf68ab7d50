"""Controls of image generation: copy the person, paste the garment, or return the true image.

Copying the person scores a distance of zero in the unpaired setting, for the real side is those very photos, and
transfers nothing; it stands beside every unpaired number for that reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench.errors import BackendError
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.ground_truth import Truth
    from fashionbench.data.items import DesignItem, TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]


class CopyPerson:
    """Returns the person as it is."""

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def try_on(self, items: Sequence[TryOnItem | DesignItem]) -> list[Pixels]:
        """Return each person."""
        return [np.asarray(item.person) for item in items]

    design = try_on


class PasteGarment:
    """Pastes the garment's photo into the box of the agnostic mask, and keeps the person outside the mask.

    :raises BackendError: where an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person with its garment pasted on."""
        return [self._one(item) for item in items]

    @staticmethod
    def _one(item: TryOnItem) -> Pixels:
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


class OracleImage:
    """Returns the truth of each item, which only a privileged control is shown.

    :raises BackendError: where an item has no known truth.
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)
        self._truth: Truth | None = None

    def reveal(self, truth: Truth) -> None:
        """Take the truth."""
        self._truth = truth

    def try_on(self, items: Sequence[TryOnItem | DesignItem]) -> list[Pixels]:
        """Return the true images."""
        if self._truth is None:
            raise BackendError("the oracle was not shown the truth", remedy="run it through fashionbench")
        unknown = [item.id for item in items if item.id not in self._truth.images]
        if unknown:
            raise BackendError(f"there is no true image of {unknown[0]}", remedy="leave the oracle out here")
        return [np.asarray(self._truth.images[item.id]) for item in items]

    design = try_on
