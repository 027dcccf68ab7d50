"""A classical try-on baseline: the flat garment, warped by a thin-plate spline, over the person inside the mask.

Nothing is learnt; see :mod:`fashionbench.data.garment_warp`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.garment_contour import garment_of
from fashionbench.data.garment_warp import warped_into
from fashionbench.errors import BackendError
from fashionbench_baselines.options import read_options
from fashionbench_baselines.try_on.options import WarpOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from fashionbench.data.items import TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]


class ThinPlateSplineWarp:
    """Warps a garment's photo into the agnostic mask of a person.

    :raises BackendError: where an item has no agnostic mask.
    """

    def __init__(self, context: BackendContext) -> None:
        self._options = read_options(WarpOptions, context.options)

    def try_on(self, items: Sequence[TryOnItem]) -> list[Pixels]:
        """Return each person with its garment warped on."""
        return [self._one(item) for item in items]

    def _one(self, item: TryOnItem) -> Pixels:
        if "agnostic-mask" not in item.conditions:
            raise BackendError(f"{item.id} has no agnostic mask", remedy="use a data set with agnostic masks")
        person = np.array(item.person.convert("RGB"))
        mask = _inside(item.conditions["agnostic-mask"])
        if mask.shape != person.shape[:2]:
            msg = f"the agnostic mask of {item.id} is {mask.shape}, and the person {person.shape[:2]}"
            raise BackendError(msg, remedy="use masks of the size of the photo")
        if not mask.any():
            return person
        photo = np.asarray(item.garment.convert("RGB"))
        garment = _inside(item.conditions["cloth-mask"]) if "cloth-mask" in item.conditions else None
        if garment is None or garment.shape != photo.shape[:2] or not garment.any():
            garment = garment_of(photo, self._options.tolerance)
        person[mask] = warped_into(mask, photo, garment, self._options.points)
        return person


def _inside(mask: Image.Image) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.asarray(mask.convert("L")) > 127
    return inside
