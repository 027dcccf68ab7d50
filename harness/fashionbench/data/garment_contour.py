"""Regions of an image: a garment before its background, and points on a region's contour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]
    Points = NDArray[np.float64]

#: A region below this share of the photo is taken for dirt on the background, and the whole photo for the garment.
_LEAST = 0.01


def garment_of(photo: NDArray[np.uint8], tolerance: int) -> Mask:
    """Find the garment on a photo [H, W, 3] with an even background: what differs from the colour of the border.

    :returns: the largest connected region without its holes; all of the photo where nothing stands out.
    """
    border = np.concatenate([photo[0], photo[-1], photo[:, 0], photo[:, -1]])
    background = np.median(border, axis=0)
    differs = np.abs(photo.astype(np.float64) - background).max(axis=2) > tolerance
    labels, count = ndimage.label(differs)
    if not count:
        return np.ones(photo.shape[:2], dtype=np.bool_)
    sizes = np.bincount(labels.ravel())[1:]
    if sizes.max() < _LEAST * differs.size:
        return np.ones(photo.shape[:2], dtype=np.bool_)
    filled: Mask = ndimage.binary_fill_holes(labels == 1 + int(sizes.argmax()))
    return filled


def box_of(region: Mask) -> tuple[Points, Points]:
    """Return the centre and half the size of a region's box, each as (x, y); the region is not empty."""
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    low, high = np.array([columns[0], rows[0]], dtype=np.float64), np.array([columns[-1], rows[-1]], dtype=np.float64)
    return (low + high) / 2, (high - low) / 2


def contour_points(region: Mask, count: int) -> Points:
    """Return where rays from the centre of a region's box leave it last, as (x, y), float64 [count, 2].

    Rays are at equal angles of the box stretched to a square, from the top clockwise, so that the same row is the same
    place on two garments of different proportions. A ray that never meets the region gives NaN.
    """
    centre, half = box_of(region)
    angles = 2 * np.pi * np.arange(count) / count
    directions = np.stack([np.sin(angles), -np.cos(angles)], axis=1) * half
    # A box's corner is √2 away from its centre; two steps a pixel of the longer half miss none.
    steps = np.linspace(0, np.sqrt(2), max(2, int(4 * half.max()) + 1))
    places = centre + steps[:, None, None] * directions
    columns, rows = (np.rint(places[..., axis]).astype(np.int64) for axis in (0, 1))
    within = (columns >= 0) & (columns < region.shape[1]) & (rows >= 0) & (rows < region.shape[0])
    met = within & region[rows.clip(0, region.shape[0] - 1), columns.clip(0, region.shape[1] - 1)]
    last = len(steps) - 1 - met[::-1].argmax(axis=0)
    points: Points = places[last, np.arange(count)]
    points[~met.any(axis=0)] = np.nan
    return points
