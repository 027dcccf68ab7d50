"""A map like DensePose's: which part of the body's surface a pixel shows under the clothes, and where on that part.

The part numbers are DensePose's (1–24; of each pair the one that faces the camera); the coordinates within a part are
Atelier's own: U across the part and V along it, both 0–255. They are consistent between people and poses, which is what
try-on models use them for, but they are not the coordinates of the SMPL chart that DensePose predicts.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fashionbench_atelier.anatomy.body import CROTCH, Body
from fashionbench_atelier.anatomy.figure import hand, shoe, trunk
from fashionbench_atelier.anatomy.geometry import limb_field
from fashionbench_atelier.anatomy.head import Head
from fashionbench_atelier.rendering.canvas import Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.anatomy.geometry import Limb, Shape
    from fashionbench_atelier.rendering.canvas import Camera
    from fashionbench_atelier.world.person import Person

TORSO = 2
HAND, FOOT = {"right": 3, "left": 4}, {"left": 5, "right": 6}
UPPER_LEG, LOWER_LEG = {"right": 9, "left": 10}, {"right": 13, "left": 14}
UPPER_ARM, LOWER_ARM = {"left": 17, "right": 18}, {"left": 21, "right": 22}
HEAD_RIGHT, HEAD_LEFT = 23, 24


class Surface(NamedTuple):
    """Part number (0 is background) and coordinates, each uint8 [H, W]."""

    part: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]


def surface(person: Person, camera: Camera, width: int, height: int) -> Surface:
    """Map the body of a person, without clothes and hair."""
    body = Body(person.build, person.pose)
    mapped = Surface(*(np.zeros((height, width), dtype=np.uint8) for _ in range(3)))
    canvas = Canvas(width, height, camera)
    for side in ("right", "left"):
        leg = body.legs[side]
        bend = _bend(leg)
        _map(canvas, mapped, leg.sleeve(0.0, bend, (0.0, 0.0)), UPPER_LEG[side], leg)
        _map(canvas, mapped, leg.sleeve(bend, 1.0, (0.0, 0.0)), LOWER_LEG[side], leg)
        _map(canvas, mapped, list(shoe(body, side)), FOOT[side])
    _map(canvas, mapped, [body.path([(x, min(y, CROTCH)) for x, y in trunk(body)])], TORSO)
    for side in ("right", "left"):
        arm = body.arms[side]
        bend = _bend(arm)
        _map(canvas, mapped, arm.sleeve(0.0, bend, (0.0, 0.0)), UPPER_ARM[side], arm)
        _map(canvas, mapped, arm.sleeve(bend, 1.0, (0.0, 0.0)), LOWER_ARM[side], arm)
        _map(canvas, mapped, hand(body, side), HAND[side])
    outline = Head(person, body).outline
    middle = sum(x for x, _ in outline) / len(outline)
    _map(canvas, mapped, [[(min(x, middle), y) for x, y in outline]], HEAD_RIGHT)
    _map(canvas, mapped, [[(max(x, middle), y) for x, y in outline]], HEAD_LEFT)
    return mapped


def visual(mapped: Surface) -> NDArray[np.uint8]:
    """Colour a map for the eye: part number as hue from violet to yellow, darker with V; uint8 [H, W, 3]."""
    return _colours()[mapped.part, mapped.v]


@lru_cache(maxsize=1)
def _colours() -> NDArray[np.uint8]:
    """Tabulate the colour of every part (25) at every V (256)."""
    stops = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])
    table = np.zeros((25, 256, 3), dtype=np.uint8)
    dimmed = 1 - 0.35 * np.arange(256) / 255
    for part in range(1, 25):
        place = (part - 1) * 4 / 23
        low = min(int(place), 3)
        hue = stops[low] + (place - low) * (stops[low + 1] - stops[low])
        table[part] = np.round(dimmed[:, None] * hue[None, :])
    return table


def _bend(limb: Limb) -> float:
    (ax, ay), (bx, by) = limb.joints[0], limb.joints[1]
    return float(((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 / limb.length)


def _map(canvas: Canvas, mapped: Surface, shape: Shape, part: int, limb: Limb | None = None) -> None:
    cover = canvas.cover(shape)
    if cover is None:
        return
    inside = cover.alpha >= 0.5
    x, y = canvas.units(cover)
    if limb is None:
        across, along = np.broadcast_to(x, inside.shape), np.broadcast_to(y, inside.shape)
    else:
        across, along = limb_field(limb, x, y)
    mapped.part[cover.box][inside] = part
    for plane, value in ((mapped.u, across), (mapped.v, along)):
        if inside.any():
            low, high = float(value[inside].min()), float(value[inside].max())
            scaled = (value - np.float32(low)) * np.float32(255 / max(1e-6, high - low))
            plane[cover.box][inside] = scaled[inside].clip(0, 255).astype(np.uint8)
