"""The named colours of Atelier, and the name of a measured colour."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

Rgb = tuple[int, int, int]

COLOURS: dict[str, Rgb] = {
    "black": (30, 30, 34),
    "grey": (142, 144, 149),
    "white": (243, 242, 238),
    "navy": (28, 38, 86),
    "blue": (44, 98, 196),
    "light blue": (152, 194, 230),
    "teal": (14, 126, 130),
    "green": (46, 142, 72),
    "olive": (114, 114, 54),
    "yellow": (242, 206, 62),
    "orange": (234, 126, 40),
    "red": (204, 34, 44),
    "burgundy": (112, 20, 46),
    "pink": (240, 152, 184),
    "purple": (118, 66, 160),
    "lilac": (196, 172, 226),
    "beige": (216, 192, 152),
    "brown": (112, 72, 44),
}
"""Name to sRGB, each value 0–255. Any two are at least 20 apart in CIELAB, so that shading does not change the name."""

NEUTRALS = frozenset({"black", "grey", "white", "navy", "beige", "brown"})


def lab(rgb: ArrayLike) -> NDArray[np.float64]:
    """Convert sRGB (0–255) to CIELAB under D65, channels last (IEC 61966-2-1 and CIE 15:2004)."""
    value = np.asarray(rgb, dtype=np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear @ (matrix / np.array([[0.9505], [1.0], [1.089]])).T
    root = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = root[..., 0], root[..., 1], root[..., 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


@lru_cache(maxsize=1)
def _table() -> NDArray[np.float64]:
    return lab(list(COLOURS.values()))


@lru_cache(maxsize=1)
def _distances() -> NDArray[np.float64]:
    table = _table()
    distances: NDArray[np.float64] = np.sqrt(((table[:, None] - table[None]) ** 2).sum(axis=-1))
    return distances


def colour_distance(one: str, other: str) -> float:
    """Distance of two named colours in CIELAB (CIE 1976)."""
    names = list(COLOURS)
    return float(_distances()[names.index(one), names.index(other)])


def nearest(rgb: ArrayLike) -> str:
    """Name the colour of :data:`COLOURS` that is nearest in CIELAB."""
    return list(COLOURS)[int(np.argmin(((_table() - lab(rgb)) ** 2).sum(axis=-1)))]


def luminance(rgb: Rgb) -> float:
    """Rec. 709 luma of gamma-coded sRGB, 0–255: good enough to say which of two dyes is the darker one."""
    return 0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]
