"""A classical baseline of style transfer: the garment takes on the mean and the spread of the style's colours.

Each channel of CIELAB is shifted and scaled, within the garment, to the mean and the standard deviation of the style's
garment (Reinhard et al., *Color Transfer between Images*, IEEE CG&A 21(5), 2001, who do so in the space lαβ). Nothing
is learnt, and no pattern is moved. CIELAB is that of CIE 15:2004 under D65, from and to sRGB (IEC 61966-2-1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.garment_contour import garment_of
from fashionbench_baselines.options import read_options
from fashionbench_baselines.style_transfer.options import ColourOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.data.items import StyleTransferItem
    from fashionbench.specs.capabilities import BackendContext

    Pixels = NDArray[np.uint8]
    Floats = NDArray[np.float64]

_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
_WHITE = np.array([0.9505, 1.0, 1.089])
_KNEE = 6 / 29


class ColourStatistics:
    """Moves the colours of each garment to those of the style's photo; of words alone, the garment stays as it is."""

    def __init__(self, context: BackendContext) -> None:
        self._options = read_options(ColourOptions, context.options)

    def transfer_style(self, items: Sequence[StyleTransferItem]) -> list[Pixels]:
        """Return each garment in the style's colours."""
        return [self._one(item) for item in items]

    def _one(self, item: StyleTransferItem) -> Pixels:
        garment = np.array(item.garment.convert("RGB"))
        if item.style is None:
            return garment
        style = np.asarray(item.style.convert("RGB"))
        mask = item.conditions.get("garment-mask")
        inside = self._found(garment) if mask is None else np.asarray(mask.convert("L")) > 127
        if not inside.any():
            return garment
        own, wanted = lab(garment[inside]), lab(style[self._found(style)])
        spread = own.std(axis=0)
        scale = np.divide(wanted.std(axis=0), spread, out=np.ones_like(spread), where=spread > 0)
        garment[inside] = rgb((own - own.mean(axis=0)) * scale + wanted.mean(axis=0))
        return garment

    def _found(self, photo: Pixels) -> NDArray[np.bool_]:
        return garment_of(photo, self._options.tolerance)


def lab(pixels: Pixels) -> Floats:
    """Convert sRGB [..., 3] to CIELAB, channels last."""
    value = pixels.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    ratio = linear @ _TO_XYZ.T / _WHITE
    root = np.where(ratio > _KNEE**3, np.cbrt(ratio), ratio / (3 * _KNEE**2) + 4 / 29)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def rgb(values: Floats) -> Pixels:
    """Convert CIELAB to sRGB [..., 3]; what no screen shows is cut at 0 and 255."""
    y = (values[..., 0] + 16) / 116
    root = np.stack([y + values[..., 1] / 500, y, y - values[..., 2] / 200], axis=-1)
    ratio = np.where(root > _KNEE, root**3, 3 * _KNEE**2 * (root - 4 / 29))
    linear = np.clip((ratio * _WHITE) @ np.linalg.inv(_TO_XYZ).T, 0, 1)
    value = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    levels: Pixels = np.round(255 * value).astype(np.uint8)
    return levels
