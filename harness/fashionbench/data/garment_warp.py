"""Warp of a garment's photo into a mask by a thin-plate spline.

The spline (F. L. Bookstein, *IEEE Transactions on Pattern Analysis and Machine Intelligence* 11, 1989) maps points on
the contour of the mask to points on the contour of the garment, and bends least between them. No pose is known: where
the mask holds arms too, they wear the garment. Its background never shows, for pixels beyond the garment take the
colour of its nearest one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from fashionbench.data.garment_contour import box_of, contour_points

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Points = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: Points on each contour that the spline takes to each other.
POINTS = 36


def warped_into(mask: Mask, photo: Pixels, garment: Mask, points: int = POINTS) -> Pixels:
    """Return the colours of a garment at each place of a mask, row by row, uint8 [K, 3].

    :param mask: where it is to lie, [H, W], with at least one pixel.
    :param photo: RGB [h, w, 3].
    :param garment: where on the photo the garment is, [h, w], with at least one pixel.
    """
    rows, columns = np.nonzero(mask)
    places = np.stack([columns, rows], axis=1).astype(np.float64)
    return _sampled(photo, garment, _map(mask, garment, places, points))


def _map(mask: Mask, garment: Mask, places: Points, points: int) -> Points:
    """Map places within the mask, as (x, y), to places on the garment's photo."""
    to, source = contour_points(mask, points), contour_points(garment, points)
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


def _sampled(photo: Pixels, garment: NDArray[np.bool_], places: Points) -> Pixels:
    """Read a photo at places (x, y) by bilinear interpolation; beyond the garment, its nearest pixel stands."""
    nearest = ndimage.distance_transform_edt(~garment, return_distances=False, return_indices=True)
    whole = photo[tuple(nearest)].astype(np.float64)
    at = np.stack([places[:, 1], places[:, 0]])
    channels = [ndimage.map_coordinates(whole[..., i], at, order=1, mode="nearest") for i in range(3)]
    levels: Pixels = np.rint(np.stack(channels, axis=1)).clip(0, 255).astype(np.uint8)
    return levels
