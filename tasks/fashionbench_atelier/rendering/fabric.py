"""Cloth: the repeat of a pattern, the weave of a fabric, and how both look at a place on a garment."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from fashionbench_atelier.anatomy.geometry import disc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.anatomy.geometry import Path

DENSITY = 96
"""Pixels of a repeat per body unit."""

_FINE = 3

# Size of one repeat in body units: across, along.
REPEATS: dict[str, tuple[float, float]] = {
    "stripes": (0.1, 0.3),
    "pinstripes": (0.16, 0.1),
    "dots": (0.3, 0.3),
    "check": (0.36, 0.36),
    "floral": (0.66, 0.66),
    "chevron": (0.34, 0.34),
}

GLOSS = {
    "silk": 0.9,
    "leather": 1.0,
    "crepe": 0.35,
    "cotton": 0.25,
    "linen": 0.2,
    "wool": 0.15,
    "knit": 0.12,
    "denim": 0.2,
}
"""How strongly light and folds show on a fabric."""


@lru_cache(maxsize=256)
def repeat(pattern: str, scale: float) -> NDArray[np.float32]:
    """Draw one repeat of a pattern: how much of the second colour each point has, float32 [rows, columns] in 0–1.

    The mean is below one half, so the main colour covers more of the cloth.

    :param pattern: key of :data:`REPEATS`.
    :param scale: size relative to the usual one.
    """
    across, along = (max(4, round(size * scale * DENSITY)) for size in REPEATS[pattern])
    image = Image.new("L", (across * _FINE, along * _FINE))
    pen = ImageDraw.Draw(image)
    for path, value in _figures(pattern):
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                pen.polygon([((x + dx) * across * _FINE, (y + dy) * along * _FINE) for x, y in path], fill=value)
    return np.asarray(image.reduce(_FINE), dtype=np.float32) * np.float32(1 / 255)


def _figures(pattern: str) -> list[tuple[Path, int]]:
    """Figures of a repeat in the unit square, each with its share of the second colour (0–255)."""
    if pattern == "stripes":
        return [([(0, 0.33), (1, 0.33), (1, 0.67), (0, 0.67)], 255)]
    if pattern == "pinstripes":
        return [([(0.41, 0), (0.59, 0), (0.59, 1), (0.41, 1)], 255)]
    if pattern == "dots":
        return [(disc(centre, 0.17), 255) for centre in ((0.25, 0.25), (0.75, 0.75))]
    if pattern == "check":
        band: list[tuple[Path, int]] = [
            ([(0, 0.34), (1, 0.34), (1, 0.57), (0, 0.57)], 130),
            ([(0.34, 0), (0.57, 0), (0.57, 1), (0.34, 1)], 130),
        ]
        return [*band, ([(0.34, 0.34), (0.57, 0.34), (0.57, 0.57), (0.34, 0.57)], 255)]
    if pattern == "chevron":
        return [([(0, 0.55), (0.5, 0.15), (1, 0.55), (1, 0.89), (0.5, 0.49), (0, 0.89)], 255)]
    figures: list[tuple[Path, int]] = []
    for x, y, size, turn in (
        (0.25, 0.27, 0.17, 0.2),
        (0.72, 0.66, 0.19, 0.9),
        (0.74, 0.18, 0.1, 0.5),
        (0.24, 0.76, 0.11, 1.3),
    ):
        for leaf in (0.6, 3.3):
            angle = turn + leaf
            tip = (x + 1.9 * size * math.cos(angle), y + 1.9 * size * math.sin(angle))
            side = (0.35 * size * math.sin(angle), -0.35 * size * math.cos(angle))
            middle = ((x + tip[0]) / 2, (y + tip[1]) / 2)
            figures.append(
                (
                    [
                        (x, y),
                        (middle[0] + side[0], middle[1] + side[1]),
                        tip,
                        (middle[0] - side[0], middle[1] - side[1]),
                    ],
                    120,
                )
            )
        for petal in range(5):
            angle = turn + petal * 2 * math.pi / 5
            figures.append(
                (disc((x + 0.55 * size * math.cos(angle), y + 0.55 * size * math.sin(angle)), 0.42 * size), 255)
            )
        figures.append((disc((x, y), 0.3 * size), 60))
    return figures


def sample(tile: NDArray[np.float32], u: NDArray[np.float32], v: NDArray[np.float32]) -> NDArray[np.float32]:
    """Read a repeat at places of the cloth, between its pixels, wrapping around.

    :param u: body units across the cloth, float32 [h, w]; ``v``, along it, likewise.
    """
    rows, columns = tile.shape
    x, y = u * np.float32(DENSITY), v * np.float32(DENSITY)
    left, top = np.floor(x), np.floor(y)
    fx, fy = x - left, y - top
    x0, y0 = left.astype(np.int32) % columns, top.astype(np.int32) % rows
    x1, y1 = (x0 + 1) % columns, (y0 + 1) % rows
    flat = tile.ravel()
    upper = flat[y0 * columns + x0] * (1 - fx) + flat[y0 * columns + x1] * fx
    lower = flat[y1 * columns + x0] * (1 - fx) + flat[y1 * columns + x1] * fx
    result: NDArray[np.float32] = upper * (1 - fy) + lower * fy
    return result


@lru_cache(maxsize=16)
def weave(fabric: str) -> NDArray[np.float32]:
    """Draw the relief of a fabric, one repeat of it: float32 [rows, columns], lightness added, about -0.1 to 0.1."""
    if fabric == "knit":
        y, x = np.mgrid[0:8, 0:10].astype(np.float32)
        stitch = np.abs((x - 4.5) * np.float32(0.9) + 0) - (7 - y)
        return (0.1 * np.where(np.abs(stitch % 8 - 4) < 2, 1, -0.8)).astype(np.float32)
    if fabric == "denim":
        y, x = np.mgrid[0:6, 0:6].astype(np.int32)
        return (np.where((x + y) % 6 < 3, 0.035, -0.035)).astype(np.float32)
    if fabric == "linen":
        state, values = 12345, []
        for _ in range(96):
            state = (1103515245 * state + 12345) % 2**31
            values.append(state / 2**31 - 0.5)
        rows, columns = np.array(values[:48], dtype=np.float32), np.array(values[48:], dtype=np.float32)
        return (0.06 * (rows[:, None] + columns[None, :])).astype(np.float32)
    if fabric == "wool":
        y, x = np.mgrid[0:8, 0:12].astype(np.int32)
        return (np.where((np.where(x < 6, x + y, x - y) % 8) < 4, 0.03, -0.03)).astype(np.float32)
    return np.zeros((1, 1), dtype=np.float32)


@lru_cache(maxsize=1)
def _wave_table() -> NDArray[np.float32]:
    # A table, because numpy's sine is not the same on every processor in its last bit.
    return np.array([round(math.sin(2 * math.pi * k / 1024), 6) for k in range(1024)], dtype=np.float32)


def wave(turns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Sine of a number of full turns, from a table of 1,024 steps: the same on every machine."""
    result: NDArray[np.float32] = _wave_table()[(turns * np.float32(1024)).astype(np.int32) & 1023]
    return result
