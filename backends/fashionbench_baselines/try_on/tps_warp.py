"""A classical try-on baseline: the flat garment, warped by a thin-plate spline, over the person inside the mask.

The spline (F. L. Bookstein, *IEEE Transactions on Pattern Analysis and Machine Intelligence* 11, 1989) maps points on
the contour of the mask to points on the contour of the garment, and bends least between them. Nothing is learnt and no
pose is known: where the mask holds arms too, they wear the garment. Its background never shows, for pixels beyond the
garment take the colour of its nearest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from fashionbench.errors import BackendError
from fashionbench_baselines.options import read_options
from fashionbench_baselines.try_on.contour import box_of, contour_points, garment_of
from fashionbench_baselines.try_on.options import WarpOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import Image

    from fashionbench.data.items import TryOnItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]
    Points = NDArray[np.float64]


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
        rows, columns = np.nonzero(mask)
        places = np.stack([columns, rows], axis=1).astype(np.float64)
        person[mask] = _sampled(photo, garment, self._map(mask, garment, places))
        return person

    def _map(self, mask: NDArray[np.bool_], garment: NDArray[np.bool_], places: Points) -> Points:
        """Map places within the mask, as (x, y), to places on the garment's photo."""
        to, source = contour_points(mask, self._options.points), contour_points(garment, self._options.points)
        both = np.isfinite(to).all(axis=1) & np.isfinite(source).all(axis=1)
        if _spans(to[both]):
            return thin_plate_spline(to[both], source[both], places)
        # A line or a dot of a mask has no contour to bend: box onto box.
        (centre, half), (middle, reach) = box_of(mask), box_of(garment)
        scaled: Points = middle + (places - centre) * np.divide(reach, half, out=np.zeros(2), where=half > 0)
        return scaled


def thin_plate_spline(to: Points, source: Points, places: Points) -> Points:
    """Map places by the thin-plate spline that takes each point of ``to`` to the same row of ``source``."""
    mapped: Points = RBFInterpolator(to, source, kernel="thin_plate_spline")(places)
    return mapped


def _spans(points: Points) -> bool:
    """Tell whether a spline through points is defined: three of them, apart, and not on one line."""
    if len(np.unique(points, axis=0)) < max(3, len(points)):
        return False
    return int(np.linalg.matrix_rank(points - points.mean(axis=0), tol=0.5)) == 2


def _inside(mask: Image.Image) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = np.asarray(mask.convert("L")) > 127
    return inside


def _sampled(photo: Pixels, garment: NDArray[np.bool_], places: Points) -> Pixels:
    """Read a photo at places (x, y) by bilinear interpolation; beyond the garment, its nearest pixel stands."""
    nearest = ndimage.distance_transform_edt(~garment, return_distances=False, return_indices=True)
    whole = photo[tuple(nearest)].astype(np.float64)
    at = np.stack([places[:, 1], places[:, 0]])
    channels = [ndimage.map_coordinates(whole[..., i], at, order=1, mode="nearest") for i in range(3)]
    levels: Pixels = np.rint(np.stack(channels, axis=1)).clip(0, 255).astype(np.uint8)
    return levels
