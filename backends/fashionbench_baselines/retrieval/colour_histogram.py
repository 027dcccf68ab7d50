"""Colour histogram baseline for image retrieval: what a model must beat before it is said to see a garment."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import PIL

from fashionbench.canonical import digest
from fashionbench_baselines.encoders.pixels import rgb_on_white
from fashionbench_baselines.options import NoOptions, read_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

    from fashionbench.data.items import ImageItem
    from fashionbench.specs.capabilities import BackendContext, Role

    Floats = NDArray[np.float64]

#: Linear sRGB to XYZ, and the D65 white point (IEC 61966-2-1).
_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = _XYZ.sum(axis=1)
_ENCODED = np.arange(256) / 255.0
#: What each value of eight bits is without the gamma of sRGB.
_LINEAR = np.where(_ENCODED <= 0.04045, _ENCODED / 12.92, ((_ENCODED + 0.055) / 1.055) ** 2.4)

#: The longest side to which larger images are reduced.
SIDE = 256
#: Cells along L*, a* and b*, and the range that they cover; the sRGB gamut lies inside.
CELLS = (8, 10, 10)
LOW = np.array([0.0, -110.0, -110.0])
HIGH = np.array([100.0, 110.0, 110.0])
#: CIE76 distance to the border's colour below which a pixel is background; 2.3 is just noticeable.
NEAR = 5.0


class ColourHistogram:
    """The joint colour histogram of the foreground (Swain and Ballard, "Color Indexing", IJCV 1991).

    A pixel's CIELAB colour is shared linearly among the eight nearest cells, so that a small shift of colour changes
    the histogram a little. Pixels near the median colour of the image's border are background and have no weight,
    unless fewer than half of the border's pixels are near it (there is no plain background) or all pixels are (there is
    no foreground); then every pixel counts. A white garment on white is therefore measured by its shading.

    The histogram is normalised to sum 1 and its square root taken, which has norm 1, so that a cosine is the
    Bhattacharyya coefficient of two histograms (the Hellinger kernel; Arandjelović and Zisserman, "Three things
    everyone should know to improve object retrieval", CVPR 2012, section 3).
    """

    def __init__(self, context: BackendContext) -> None:
        read_options(NoOptions, context.options)

    def encode_images(self, items: Sequence[ImageItem], role: Role) -> NDArray[np.float32]:  # noqa: ARG002
        """Embed images as [B, 800] of norm 1, the same for both roles.

        :raises BackendError: on an image that has no faithful form in RGB of eight bits.
        """
        out = np.empty((len(items), int(np.prod(CELLS))), dtype=np.float32)
        for row, item in enumerate(items):
            lab = cielab(_reduced(rgb_on_white(item)))
            out[row] = np.sqrt(histogram(lab[foreground(lab)]))
        return out

    def fingerprint(self) -> str:
        """Hash the parameters and the version of Pillow, which reduces the images."""
        parameters = {"side": SIDE, "cells": CELLS, "low": LOW.tolist(), "high": HIGH.tolist(), "near": NEAR}
        return digest({"backend": "colour-histogram/1", "pillow": PIL.__version__, **parameters})


def cielab(rgb: NDArray[np.uint8]) -> Floats:
    """Convert sRGB of eight bits to CIELAB under D65 (IEC 61966-2-1; CIE 15), as [..., 3]: L* in [0, 100], a*, b*."""
    ratio = _LINEAR[rgb] @ _XYZ.T / _WHITE
    x, y, z = np.moveaxis(np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29), -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def foreground(lab: Floats) -> NDArray[np.bool_]:
    """Mark the pixels of [H, W, 3] that are not near the border's median colour, as [H, W]; never none of them."""
    border = np.concatenate([lab[0], lab[-1], lab[:, 0], lab[:, -1]])
    median = np.median(border, axis=0)
    mask: NDArray[np.bool_] = np.linalg.norm(lab - median, axis=-1) > NEAR
    plain = np.mean(np.linalg.norm(border - median, axis=-1) <= NEAR) >= 0.5
    return mask if plain and mask.any() else np.ones_like(mask)


def histogram(lab: Floats) -> Floats:
    """Count the colours [N, 3] in cells with trilinear sharing, as [800] of sum 1.

    A colour beyond the centre of an outermost cell counts in that cell alone.
    """
    cells = np.array(CELLS)
    place = np.clip((lab - LOW) / (HIGH - LOW) * cells - 0.5, 0.0, cells - 1.0)
    lower = np.minimum(place.astype(np.intp), cells - 2)
    # Along each axis, the weights of the lower and of the upper cell; rows of their own are multiplied fastest.
    upper_share = np.ascontiguousarray((place - lower).T)
    shares = 1.0 - upper_share, upper_share
    first = np.ravel_multi_index(tuple(lower.T), CELLS)
    counts = np.zeros(int(np.prod(CELLS)))
    for corner in product((0, 1), repeat=3):
        weight = shares[corner[0]][0] * shares[corner[1]][1] * shares[corner[2]][2]
        index = first + np.ravel_multi_index(corner, CELLS)
        counts += np.bincount(index, weights=weight, minlength=counts.size)
    return counts / len(lab)


def _reduced(image: Image) -> NDArray[np.uint8]:
    return np.asarray(image.reduce(max(1, -(-max(image.size) // SIDE))))
