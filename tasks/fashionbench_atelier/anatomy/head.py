"""Paint a head: hair behind, neck shadow, face, features and hair in front."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.anatomy.figure import flesh
from fashionbench_atelier.anatomy.geometry import both_sides, disc, spline
from fashionbench_atelier.rendering.canvas import soften

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.anatomy.geometry import Path, Point
    from fashionbench_atelier.rendering.canvas import Canvas
    from fashionbench_atelier.world.person import Person

# Outlines of hair behind the head and neck: right halves, from the crown down.
_BEHIND: dict[str, list[Point]] = {
    "bob": [(0.0, -1.3), (0.3, -1.24), (0.47, -0.98), (0.5, -0.65), (0.5, -0.3), (0.4, -0.2), (0.0, -0.2)],
    "long": [
        (0.0, -1.3),
        (0.3, -1.24),
        (0.46, -0.98),
        (0.49, -0.6),
        (0.52, -0.1),
        (0.56, 0.45),
        (0.5, 0.78),
        (0.0, 0.8),
    ],
    "wavy": [
        (0.0, -1.32),
        (0.32, -1.25),
        (0.5, -0.98),
        (0.48, -0.7),
        (0.58, -0.4),
        (0.53, -0.1),
        (0.64, 0.2),
        (0.57, 0.5),
        (0.0, 0.55),
    ],
    "ponytail": [(0.0, -1.28), (0.28, -1.22), (0.4, -0.98), (0.38, -0.65), (0.3, -0.45), (0.0, -0.4)],
}


class Head:
    """Places points of the face: the origin is the pit of the neck, and the head tilts about the top of the neck.

    :param person: whose head it is.
    :param body: where it sits.
    """

    def __init__(self, person: Person, body: Body) -> None:
        self.person = person
        angle = math.radians(body.pose.head)
        self._cos, self._sin = math.cos(angle), math.sin(angle)
        self._x, self._y = body.place((0.0, 0.0))
        self.wide = 1.0 + 0.05 * person.face[0]

    def place(self, point: Point) -> Point:
        """Move a point of the upright head to where the pose puts it."""
        x, y = point[0] * self.wide, point[1] + 0.3
        return self._x + x * self._cos - y * self._sin, self._y + x * self._sin + y * self._cos - 0.3

    def path(self, points: Sequence[Point]) -> Path:
        """Place every point of a path."""
        return [self.place(point) for point in points]

    @property
    def outline(self) -> Path:
        """Outline the face and skull."""
        jaw = 0.25 if self.person.figure == "man" else 0.2
        return self.path(
            both_sides(
                spline(
                    [
                        (0.0, -1.2),
                        (0.22, -1.15),
                        (0.35, -0.95),
                        (0.365, -0.72),
                        (0.33, -0.5),
                        (jaw, -0.3),
                        (0.09, -0.21),
                        (0.0, -0.2),
                    ],
                    4,
                )
            )
        )


def paint_behind(canvas: Canvas, head: Head) -> None:
    """Paint the hair that falls behind neck and shoulders."""
    person = head.person
    style = person.hairstyle
    if style in _BEHIND:
        right = spline(_BEHIND[style], 5)
        flesh(canvas, [head.path(both_sides(right))], _darker(person.hair, 0.75), labels.HAIR, curve=0.2, edge=0.2)
    if style == "ponytail":
        tail = spline(
            [
                (0.1, -1.05),
                (0.5, -1.12),
                (0.66, -0.8),
                (0.6, -0.3),
                (0.52, 0.05),
                (0.46, -0.3),
                (0.44, -0.7),
                (0.3, -0.85),
            ],
            4,
            closed=True,
        )
        flesh(canvas, [head.path(tail)], person.hair, labels.HAIR, curve=0.3, edge=0.25)
    if style == "bun":
        flesh(canvas, [head.path(disc((0.0, -1.36), 0.19, 0.17))], person.hair, labels.HAIR, curve=0.4, edge=0.25)
    if style == "afro":
        flesh(canvas, [head.path(disc((0.0, -0.9), 0.62, 0.56, 36))], person.hair, labels.HAIR, curve=0.3, edge=0.2)


def paint_head(canvas: Canvas, head: Head) -> None:
    """Paint ears, face, features, beard and the hair around the face."""
    person = head.person
    jaw = canvas.cover([head.path(disc((0.0, -0.25), 0.2, 0.14))])
    chin = soften(jaw, 0.05 * canvas.camera.scale, (canvas.width, canvas.height)) if jaw is not None else None
    if chin is not None:
        # The jaw throws its shadow on the neck, not on the hair or the wall behind it.
        chin.alpha[...] *= canvas.labels[chin.box] == labels.TORSO_SKIN
        canvas.shade(chin, 0.72)
    for sign in (-1.0, 1.0):
        flesh(
            canvas,
            [head.path(disc((sign * 0.365, -0.68), 0.055, 0.105))],
            _darker(person.skin, 0.94),
            labels.FACE,
            curve=0.1,
            edge=0.2,
        )
    flesh(canvas, [head.outline], person.skin, labels.FACE, curve=0.17, edge=0.12)
    if person.beard:
        _beard(canvas, head)
    _features(canvas, head)
    for path in _hair_in_front(person):
        flesh(canvas, [head.path(path)], person.hair, labels.HAIR, curve=0.25, edge=0.25)
    if person.hairstyle not in {"bald", "buzz"}:
        shine = canvas.cover(
            [head.path(spline([(-0.2, -1.13), (0.0, -1.19), (0.12, -1.16), (0.0, -1.13)], 3, closed=True))]
        )
        if shine is not None and person.hairstyle not in {"afro", "curls"}:
            canvas.lay(shine._replace(alpha=shine.alpha * 0.25), [min(255, c + 60) for c in person.hair])


def _features(canvas: Canvas, head: Head) -> None:
    person = head.person
    _, eyes, brows, mouth = person.face
    skin, woman = person.skin, person.figure == "woman"
    eye_y = -0.69 + 0.012 * eyes
    lid = _darker(person.hair, 0.6) if sum(person.hair) < 300 else (70, 50, 40)
    whites, irises, pupils, lids, hairs = [], [], [], [], []
    thick, low = (0.02, 0.028) if woman else (0.013, 0.038)
    lift = eye_y - 0.115 - 0.012 * brows
    for sign in (-1.0, 1.0):
        x = sign * (0.15 + 0.01 * eyes)
        ball = [(x - 0.075, eye_y), (x, eye_y - 0.036), (x + 0.075, eye_y), (x, eye_y + 0.03)]
        upper = [(x - 0.085, eye_y + 0.004), (x, eye_y - 0.046), (x + 0.085, eye_y + 0.004)]
        inner = [(x - 0.085, eye_y + 0.004), (x, eye_y - 0.046 + thick), (x + 0.085, eye_y + 0.004)]
        brow = [
            (x - sign * 0.1, lift + 0.012),
            (x, lift - 0.022),
            (x + sign * 0.1, lift + 0.015),
            (x, lift - 0.022 + low),
        ]
        whites.append(spline(ball, 4, closed=True))
        irises.append(disc((x, eye_y - 0.003), 0.031, count=14))
        pupils.append(disc((x, eye_y - 0.003), 0.014, count=10))
        lids.append([*spline(upper, 4), *reversed(spline(inner, 4))])
        hairs.append(spline(brow, 3, closed=True))
    brow_colour = _mixed(_darker(person.hair, 0.75), skin, 0.25)
    for paths, rgb in (
        (whites, (250, 248, 246)),
        (irises, person.iris),
        (pupils, (16, 14, 14)),
        (lids, lid),
        (hairs, brow_colour),
    ):
        _spot(canvas, head, rgb, *paths)
    nose = spline(
        [(0.02, -0.62), (0.05, -0.5), (0.062, -0.475), (0.0, -0.45), (-0.062, -0.475), (0.0, -0.468), (0.04, -0.49)],
        3,
        closed=True,
    )
    _spot(canvas, head, _darker(skin, 0.82), nose)
    lips = _mixed((178, 62, 70), skin, 0.3) if woman else _mixed((160, 84, 78), skin, 0.5)
    width, smile = 0.1 + 0.012 * mouth, 0.012 + 0.01 * mouth
    upper = spline(
        [(-width, -0.36 - smile), (-0.03, -0.385), (0.0, -0.376), (0.03, -0.385), (width, -0.36 - smile), (0.0, -0.35)],
        3,
        closed=True,
    )
    lower = spline(
        [(-width, -0.36 - smile), (0.0, -0.352), (width, -0.36 - smile), (0.045, -0.315), (-0.045, -0.315)],
        3,
        closed=True,
    )
    _spot(canvas, head, lips, lower)
    _spot(canvas, head, _darker(lips, 0.85), upper)
    if woman:
        for sign in (-1.0, 1.0):
            cover = canvas.cover([head.path(disc((sign * 0.22, -0.52), 0.075, 0.05))])
            if cover is not None:
                canvas.lay(cover._replace(alpha=cover.alpha * 0.13), (214, 84, 84))


def _beard(canvas: Canvas, head: Head) -> None:
    outer = spline([(0.34, -0.6), (0.31, -0.42), (0.25, -0.27), (0.1, -0.17), (0.0, -0.16)], 4)
    inner = spline([(0.0, -0.43), (0.12, -0.42), (0.17, -0.36), (0.24, -0.42), (0.3, -0.6)], 4)
    mouth_gap = spline([(-0.1, -0.36), (0.0, -0.4), (0.1, -0.36), (0.0, -0.31)], 3, closed=True)
    cover = canvas.cover([head.path(both_sides([*reversed(outer), *reversed(inner)]))])
    if cover is not None:
        canvas.lay(
            cover._replace(alpha=cover.alpha * (0.35 + 0.6 * head.person.beard)), _darker(head.person.hair, 0.85)
        )
    gap = canvas.cover([head.path(mouth_gap)])
    if gap is not None:
        canvas.lay(gap, head.person.skin)


def _hair_in_front(person: Person) -> list[Path]:
    style = person.hairstyle
    if style == "bald":
        return []
    if style == "buzz":
        return [
            both_sides(
                [
                    *spline([(0.0, -1.235), (0.24, -1.18), (0.375, -0.95), (0.38, -0.76)], 4),
                    (0.35, -0.74),
                    *spline([(0.33, -0.85), (0.24, -1.0), (0.0, -1.03)], 4),
                ]
            )
        ]
    if style in {"short", "quiff"}:
        top = 1.27 if style == "short" else 1.36
        part = spline(
            [(-0.41, -0.66), (-0.43, -0.95), (-0.3, -1.22), (0.0, -top), (0.3, -1.24), (0.42, -0.95), (0.4, -0.66)], 5
        )
        line = spline(
            [(0.345, -0.7), (0.33, -0.87), (0.2, -1.02), (-0.1, -1.0), (-0.26, -0.94), (-0.33, -0.84), (-0.345, -0.7)],
            4,
        )
        return [[*part, *line]]
    if style == "afro":
        return [
            both_sides(
                [
                    *spline([(0.0, -1.32), (0.35, -1.22), (0.47, -0.9), (0.4, -0.72)], 4),
                    *spline([(0.34, -0.76), (0.28, -0.95), (0.0, -1.04)], 4),
                ]
            )
        ]
    if style == "curls":
        ring = [
            disc((0.37 * math.cos(t), -0.86 - 0.37 * math.sin(t)), 0.125 + 0.02 * math.sin(5 * t), count=12)
            for t in [math.pi * k / 9 for k in range(-1, 11)]
        ]
        return [
            *ring,
            *[
                disc((0.24 * math.cos(t), -0.97 - 0.2 * math.sin(t)), 0.12, count=12)
                for t in [math.pi * k / 6 for k in range(7)]
            ],
        ]
    if style in {"bob", "pixie"}:
        low = -0.3 if style == "bob" else -0.66
        outer = spline(
            [(-0.46, low), (-0.47, -0.75), (-0.38, -1.14), (0.0, -1.29), (0.38, -1.14), (0.47, -0.75), (0.46, low)], 5
        )
        fringe = spline(
            [
                (0.34, low + 0.02),
                (0.35, -0.7),
                (0.3, -0.86),
                (0.05, -0.9),
                (-0.24, -0.87),
                (-0.34, -0.7),
                (-0.34, low + 0.02),
            ],
            4,
        )
        return [[*outer, *fringe]]
    outer = spline(
        [(-0.42, -0.52), (-0.44, -0.85), (-0.33, -1.18), (0.0, -1.29), (0.33, -1.18), (0.44, -0.85), (0.42, -0.52)], 5
    )
    middle = spline(
        [(0.36, -0.55), (0.34, -0.82), (0.2, -1.0), (0.02, -1.09), (-0.2, -1.0), (-0.34, -0.82), (-0.36, -0.55)], 4
    )
    cap = [*outer, *middle]
    if style not in {"long", "wavy"}:
        return [cap]
    wave = 0.05 if style == "wavy" else 0.0
    locks = []
    for sign in (-1.0, 1.0):
        edge = [
            (sign * 0.44, -0.8),
            (sign * (0.46 + wave), -0.45),
            (sign * 0.45, -0.1),
            (sign * (0.49 + wave), 0.25),
            (sign * 0.42, 0.5),
        ]
        inner = [(sign * (0.36 - wave), 0.2), (sign * 0.33, -0.1), (sign * (0.36 - wave), -0.4), (sign * 0.345, -0.75)]
        locks.append([*spline(edge, 4), *spline(inner, 4)])
    return [cap, *locks]


def _spot(canvas: Canvas, head: Head, rgb: Sequence[float], *paths: Path) -> None:
    cover = canvas.cover([head.path(path) for path in paths])
    if cover is not None:
        canvas.lay(cover, rgb)


def _darker(rgb: Sequence[float], factor: float) -> tuple[float, float, float]:
    return rgb[0] * factor, rgb[1] * factor, rgb[2] * factor


def _mixed(one: Sequence[float], other: Sequence[float], share: float) -> tuple[float, float, float]:
    """Mix two colours; ``share`` belongs to the second one."""
    red, green, blue = (a + share * (b - a) for a, b in zip(one, other, strict=True))
    return red, green, blue
