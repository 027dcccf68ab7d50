"""Curves and limbs in body units: one unit is the height of a head; x grows to the right of the image, y down."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Point = tuple[float, float]
Path = list[Point]
Shape = list[Path]
"""A union of closed polygons."""


@lru_cache(maxsize=16)
def _blends(steps: int) -> tuple[tuple[float, float, float, float], ...]:
    """Weights of the four neighbouring points of a Catmull-Rom curve at each step."""
    shares = (step / steps for step in range(steps))
    return tuple(
        (
            0.5 * (-(t**3) + 2 * t * t - t),
            0.5 * (3 * t**3 - 5 * t * t + 2),
            0.5 * (-3 * t**3 + 4 * t * t + t),
            0.5 * (t**3 - t * t),
        )
        for t in shares
    )


def spline(points: Sequence[Point], steps: int = 6, *, closed: bool = False) -> Path:
    """Pass a uniform Catmull-Rom curve through the points, ``steps`` pieces between neighbours."""
    count = len(points)
    spans = count if closed else count - 1
    out: Path = []
    for index in range(spans):
        if closed:
            a, b, c, d = (points[(index + shift) % count] for shift in (-1, 0, 1, 2))
        else:
            b, c = points[index], points[index + 1]
            a = points[index - 1] if index else b
            d = points[index + 2] if index + 2 < count else c
        for p, q, r, s in _blends(steps):
            out.append((p * a[0] + q * b[0] + r * c[0] + s * d[0], p * a[1] + q * b[1] + r * c[1] + s * d[1]))
    if not closed:
        out.append(points[-1])
    return out


def mirror(points: Sequence[Point]) -> Path:
    """Reflect in the line x = 0 and reverse, so that a right side continues into its left side."""
    return [(-x, y) for x, y in reversed(points)]


def both_sides(right: Sequence[Point]) -> Path:
    """Close a right side (from the top centre line to the bottom centre line) into a symmetric outline."""
    return [*right, *mirror(right)]


def disc(centre: Point, radius: float, height: float | None = None, count: int = 20) -> Path:
    """Outline an ellipse: ``radius`` across, ``height`` up and down (the same, where it is None)."""
    tall = radius if height is None else height
    turns = [2 * math.pi * index / count for index in range(count)]
    return [(centre[0] + radius * math.cos(turn), centre[1] + tall * math.sin(turn)) for turn in turns]


def along(start: Point, end: Point, share: float) -> Point:
    """Return the point at ``share`` of the way from ``start`` to ``end``."""
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def steps(start: float, end: float, count: int) -> list[float]:
    """Divide an interval evenly into ``count`` numbers, both ends included."""
    return [start + (end - start) * k / (count - 1) for k in range(count)]


def interpolate(x: float, places: Sequence[float], values: Sequence[float]) -> float:
    """Interpolate linearly between values at increasing places, constant outside them.

    It does what ``numpy.interp`` does, several times faster for a single number.
    """
    if x <= places[0]:
        return values[0]
    for index in range(1, len(places)):
        if x <= places[index]:
            share = (x - places[index - 1]) / (places[index] - places[index - 1])
            return values[index - 1] + share * (values[index] - values[index - 1])
    return values[-1]


class Limb:
    """A chain of two bones with a half-width at each joint, such as shoulder, elbow and wrist.

    :param joints: three points.
    :param widths: half-widths at (start, middle of bone 1, joint, middle of bone 2, end).
    """

    __slots__ = ("_first", "joints", "length", "widths")

    def __init__(self, joints: tuple[Point, Point, Point], widths: tuple[float, float, float, float, float]) -> None:
        self.joints = joints
        self.widths = widths
        self._first = math.dist(joints[0], joints[1])
        self.length = self._first + math.dist(joints[1], joints[2])

    def at(self, share: float) -> Point:
        """Return the point of the centre line at a share (0–1) of the whole length."""
        distance = share * self.length
        if distance <= self._first:
            return along(self.joints[0], self.joints[1], distance / self._first)
        return along(self.joints[1], self.joints[2], (distance - self._first) / (self.length - self._first))

    def width(self, share: float) -> float:
        """Return the half-width at a share of the whole length."""
        bend = self._first / self.length
        return interpolate(share, (0.0, bend / 2, bend, (1 + bend) / 2, 1.0), self.widths)

    def side(self, share: float, offset: float) -> Point:
        """Return the point ``offset`` to the right of the centre line (seen from start to end)."""
        nx, ny = self.normal(share)
        x, y = self.at(share)
        return x + offset * nx, y + offset * ny

    def normal(self, share: float) -> Point:
        """Return the unit normal of the bone at a share; it turns gradually across the joint."""
        (ax, ay), (bx, by) = self.at(max(0.0, share - 0.06)), self.at(min(1.0, share + 0.06))
        size = math.hypot(bx - ax, by - ay) or 1.0
        return -(by - ay) / size, (bx - ax) / size

    def sleeve(self, start: float, end: float, ease: Sequence[float], *, flat_end: bool = True) -> Shape:
        """Outline a tube around the limb from one share to another.

        :param ease: what is added to the half-width, spread evenly from start to end.
        :param flat_end: cut the end straight; otherwise round it.
        """
        shares = steps(start, end, 10)
        knots = steps(start, end, len(ease))
        eases = [interpolate(share, knots, ease) for share in shares]
        bend = self._first / self.length
        left = [self.side(s, -(self.width(s) + e)) for s, e in zip(shares, eases, strict=True)]
        right = [self.side(s, self.width(s) + e) for s, e in zip(shares, eases, strict=True)]
        parts: Shape = [[left[k], left[k + 1], right[k + 1], right[k]] for k in range(len(shares) - 1)]
        round_at = [(start, eases[0])]
        if start < bend < end:
            round_at.append((bend, interpolate(bend, shares, eases)))
        if not flat_end:
            round_at.append((end, eases[-1]))
        parts.extend(disc(self.at(s), self.width(s) + e) for s, e in round_at)
        return parts


def limb_field(
    limb: Limb, x: NDArray[np.float32], y: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give every pixel its place on a limb.

    :param x: body-unit coordinates of the pixels, float32 [H, W]; ``y`` likewise.
    :returns: the signed distance from the centre line and the distance along it, in body units, both [H, W].
    """
    fields = []
    done = 0.0
    for (ax, ay), (bx, by) in pairwise(limb.joints):
        size = math.dist((ax, ay), (bx, by))
        ux, uy = np.float32((bx - ax) / size), np.float32((by - ay) / size)
        dx, dy = x - np.float32(ax), y - np.float32(ay)
        t, d = dx * ux + dy * uy, dy * ux - dx * uy
        over = np.maximum(np.maximum(-t, t - np.float32(size)), 0)
        fields.append((d * d + over * over, d, t + np.float32(done)))
        done += size
    (far, side, length), (other_far, other_side, other_length) = fields
    nearer = other_far < far
    return np.where(nearer, other_side, side), np.where(nearer, other_length, length)
