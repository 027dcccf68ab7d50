"""Paint a person's skin: trunk, neck, arms, hands, legs and shoes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.anatomy.body import CROTCH, HIP, SHOULDER, SIDES, WAIST
from fashionbench_atelier.anatomy.geometry import along, both_sides, disc, limb_field, spline
from fashionbench_atelier.rendering.canvas import rim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.anatomy.geometry import Limb, Path, Shape
    from fashionbench_atelier.rendering.canvas import Canvas
    from fashionbench_atelier.world.person import Person


def flesh(
    canvas: Canvas,
    shape: Shape,
    rgb: Sequence[float],
    label: int,
    *,
    limb: Limb | None = None,
    curve: float = 0.22,
    edge: float = 0.0,
    start: float | None = None,
) -> None:
    """Paint a part in one colour, darker towards its sides.

    :param limb: shade across this limb; None shades across the image.
    :param start: distance along the limb at which the part emerges gradually from what is there.
    """
    cover = canvas.cover(shape)
    if cover is None:
        return
    x, y = canvas.units(cover)
    solid = np.flatnonzero((cover.alpha > 0.5).any(axis=0))
    emerging = None
    if limb is not None:
        across, along_limb = limb_field(limb, x, y)
        if start is not None:
            emerging = np.clip((along_limb - np.float32(start)) * np.float32(8.0), 0, 1)
    else:
        middle = (x[0, solid[0]] + x[0, solid[-1]]) * np.float32(0.5) if len(solid) else np.float32(0.0)
        across = np.broadcast_to(x - middle, cover.alpha.shape)
    widest = max(1e-3, float(np.abs(across[cover.alpha > 0.5]).max(initial=0.0)))
    share = across * np.float32(1 / widest)
    factor = 1 - np.float32(curve) * share * share - np.float32(0.03) * share
    if edge:
        factor = factor - np.float32(edge) * rim(cover.alpha)
    if emerging is not None:
        cover.alpha[...] *= emerging
    # Shade on skin is warm: green and blue fall off a little faster than red.
    colour = np.empty((*cover.alpha.shape, 3), dtype=np.float32)
    colour[..., 0] = np.float32(rgb[0]) * (np.float32(0.75) * factor + np.float32(0.25))
    colour[..., 1] = np.float32(rgb[1]) * factor
    colour[..., 2] = np.float32(rgb[2]) * (np.float32(1.1) * factor - np.float32(0.1))
    canvas.lay(cover, colour, label=label)


def trunk(body: Body) -> Path:
    """Outline neck, shoulders, trunk and hips."""
    build = body.build
    right = [
        (0.19, -0.4),
        (0.19, -0.15),
        (0.27, -0.06),
        (0.55, 0.05),
        (build.shoulder - 0.1, SHOULDER - 0.03),
        (build.shoulder - 0.03, 0.36),
        (build.chest + 0.01, 0.62),
        (body.half_width(0.9), 0.9),
        (body.half_width(1.2) * 0.99, 1.2),
        (body.half_width(WAIST), WAIST),
        (body.half_width(1.85), 1.85),
        (build.hip, HIP),
        (build.hip * 0.98, CROTCH),
        (0.1, CROTCH + 0.1),
    ]
    return both_sides(spline(right, 4))


def paint_back_of_body(canvas: Canvas, person: Person, body: Body) -> None:
    """Paint what garments lie on: legs, shoes, trunk and upper arms."""
    for side in SIDES:
        leg = body.legs[side]
        whole = leg.sleeve(0.0, 1.0, (0.0, 0.0), flat_end=False)
        flesh(canvas, whole, person.skin, labels.LEG[side], limb=leg, curve=0.25, edge=0.1)
        _knee(canvas, body, side)
        upper, sole = shoe(body, side)
        pale = sum(person.shoes) > 500
        flesh(canvas, [upper], person.shoes, labels.SHOE[side], curve=0.3, edge=0.4)
        flesh(canvas, [sole], (120, 116, 110) if pale else (236, 234, 228), labels.SHOE[side], curve=0.2, edge=0.3)
    flesh(canvas, [body.path(trunk(body))], person.skin, labels.TORSO_SKIN, curve=0.2, edge=0.08)
    for side in SIDES:
        arm = body.arms[side]
        flesh(canvas, arm.sleeve(0.0, 0.56, (0.0, 0.0)), person.skin, labels.ARM[side], limb=arm, curve=0.16)
    _collarbones(canvas, body)


def paint_forearms(canvas: Canvas, person: Person, body: Body) -> None:
    """Paint forearms and hands, which lie before the trunk's garments."""
    for side in SIDES:
        arm = body.arms[side]
        forearm = arm.sleeve(0.5, 1.0, (0.0, 0.0), flat_end=False)
        flesh(
            canvas,
            forearm + hand(body, side),
            person.skin,
            labels.ARM[side],
            limb=arm,
            curve=0.2,
            edge=0.16,
            start=0.5 * arm.length,
        )
        _fingers(canvas, body, side)


def hand(body: Body, side: str) -> Shape:
    """Outline a relaxed hand with its thumb."""
    wrist, tips = body.hand(side)
    # The thumb points to the front of the body, which is inwards on both sides.
    inward = 1.0 if side == "right" else -1.0
    dx, dy = tips[0] - wrist[0], tips[1] - wrist[1]
    size = math.hypot(dx, dy)
    nx, ny = inward * dy / size, -inward * dx / size

    def at(share: float, offset: float) -> tuple[float, float]:
        x, y = along(wrist, tips, share)
        return x + offset * nx, y + offset * ny

    palm = spline(
        [
            at(-0.05, 0.085),
            at(0.2, 0.125),
            at(0.5, 0.125),
            at(0.85, 0.085),
            at(1.0, 0.02),
            at(0.97, -0.05),
            at(0.7, -0.11),
            at(0.4, -0.125),
            at(0.1, -0.1),
            at(-0.05, -0.085),
        ],
        3,
        closed=True,
    )
    thumb = spline([at(0.05, 0.07), at(0.25, 0.17), at(0.5, 0.19), at(0.55, 0.15), at(0.4, 0.09)], 3, closed=True)
    return [palm, thumb]


def shoe(body: Body, side: str) -> tuple[Path, Path]:
    """Outline a plain shoe seen from the front, toes a little outwards: the upper and the sole."""
    x, y = body.legs[side].joints[2]
    out = -1.0 if side == "right" else 1.0
    upper = [
        (-0.14, -0.1),
        (0.0, -0.07),
        (0.13, -0.1),
        (0.17, 0.08),
        (0.26, 0.27),
        (0.26, 0.36),
        (0.06, 0.39),
        (-0.13, 0.35),
        (-0.16, 0.1),
    ]
    sole = [(-0.13, 0.33), (0.06, 0.37), (0.265, 0.33), (0.27, 0.4), (0.06, 0.44), (-0.13, 0.4)]
    top, low = ([(x + out * dx, y + dy + 0.02) for dx, dy in spline(half, 4, closed=True)] for half in (upper, sole))
    return top, low


def _knee(canvas: Canvas, body: Body, side: str) -> None:
    leg = body.legs[side]
    cover = canvas.cover([disc(leg.side(0.545, 0.0), 0.15, 0.05)])
    if cover is not None:
        canvas.shade(cover, 0.93)


def _collarbones(canvas: Canvas, body: Body) -> None:
    for sign in (-1.0, 1.0):
        line = spline([(sign * 0.06, 0.12), (sign * 0.3, 0.08), (sign * 0.55, 0.13)], 3)
        low = [(x, y + 0.025) for x, y in reversed(line)]
        cover = canvas.cover([body.path([*line, *low])])
        if cover is not None:
            canvas.shade(cover, 0.9)


def _fingers(canvas: Canvas, body: Body, side: str) -> None:
    wrist, tips = body.hand(side)
    dx, dy = tips[0] - wrist[0], tips[1] - wrist[1]
    size = math.hypot(dx, dy)
    nx, ny = dy / size, -dx / size
    lines: Shape = []
    for offset in (-0.05, 0.0, 0.05):
        (ax, ay), (bx, by) = along(wrist, tips, 0.6), along(wrist, tips, 0.96)
        ax, ay, bx, by = ax + offset * nx, ay + offset * ny, bx + 0.7 * offset * nx, by + 0.7 * offset * ny
        lines.append([(ax - 0.009, ay), (ax + 0.009, ay), (bx + 0.009, by), (bx - 0.009, by)])
    cover = canvas.cover(lines)
    if cover is not None:
        canvas.shade(cover, 0.78)
