"""Body model: the joints of a build in a pose, seen from the front, and the lines that garments hang on.

Proportions are those of figure drawing: about seven and a half heads tall. Everything is in body units (one head);
the origin is the pit of the neck. "Left" and "right" are the person's own: the left arm is at the right of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.geometry import Limb, Point, along, interpolate

if TYPE_CHECKING:
    from collections.abc import Sequence

CHIN, NECK, SHOULDER, ARMPIT, CHEST, WAIST, HIP, CROTCH, KNEE, ANKLE = (
    -0.2,
    -0.02,
    0.2,
    0.66,
    0.8,
    1.5,
    2.2,
    2.5,
    4.15,
    5.8,
)
"""Heights of the landmarks below the pit of the neck."""

SIDES = ("right", "left")


@dataclass(frozen=True, slots=True)
class Build:
    """Half-widths of the trunk and thickness of the limbs.

    :param limb: factor on the thickness of arms and legs.
    :param bust: how far the chest curves out, 0 for a flat one.
    """

    shoulder: float = 0.86
    chest: float = 0.66
    waist: float = 0.54
    hip: float = 0.7
    limb: float = 1.0
    bust: float = 0.5


@dataclass(frozen=True, slots=True)
class Pose:
    """Angles in degrees; positive swings an arm or a leg away from the body.

    :param upper_arms: at the shoulder, (right, left), from hanging straight down.
    :param forearms: at the elbow; positive bends the forearm inwards, across the body.
    :param legs: at the hip, (right, left).
    :param knees: at the knee, (right, left); positive brings the foot back towards the middle.
    :param shift: how far the pelvis is pushed to the side, in body units.
    :param tilt: slope of the shoulders; the pelvis slopes the other way.
    :param head: tilt of the head.
    """

    upper_arms: tuple[float, float] = (12.0, 12.0)
    forearms: tuple[float, float] = (4.0, 4.0)
    legs: tuple[float, float] = (2.5, 2.5)
    knees: tuple[float, float] = (0.0, 0.0)
    shift: float = 0.0
    tilt: float = 0.0
    head: float = 0.0


class Body:
    """A build in a pose.

    :param build: half-widths.
    :param pose: angles.
    """

    def __init__(self, build: Build, pose: Pose) -> None:
        self.build = build
        self.pose = pose
        self._tilt = math.tan(math.radians(pose.tilt))
        self.arms = {side: self._arm(index) for index, side in enumerate(SIDES)}
        self.legs = {side: self._leg(index) for index, side in enumerate(SIDES)}
        right, left = self.legs["right"].joints, self.legs["left"].joints
        self._middle = [((a[0] + b[0]) / 2, (a[1] + b[1]) / 2) for a, b in zip(right, left, strict=True)]

    def half_width(self, y: float) -> float:
        """Return the half-width of the trunk at a height between shoulder and crotch."""
        build = self.build
        heights = (SHOULDER, ARMPIT, CHEST + 0.1, WAIST - 0.1, WAIST, 1.85, HIP, CROTCH)
        swell = 0.05 * build.bust
        widths = (
            build.shoulder * 0.86,
            build.chest,
            build.chest + swell,
            build.waist * 1.03,
            build.waist,
            0.45 * build.waist + 0.55 * build.hip,
            build.hip,
            build.hip * 0.98,
        )
        return interpolate(y, heights, widths)

    def place(self, point: Point) -> Point:
        """Move a point of the upright body to where the pose puts it (trunk, and skirt below it)."""
        x, y = point
        if y > HIP:
            below = min(1.0, (y - HIP) / (ANKLE - HIP))
            heights = [joint[1] for joint in self._middle]
            centre = interpolate(y, heights, [joint[0] for joint in self._middle])
            hips = self.pose.shift
            slope = -self._tilt * 0.6 * (1 - below)
            return x + hips + 0.75 * (centre - hips), y + x * slope
        share = max(0.0, y) / HIP
        slope = self._tilt * (1 - 1.6 * share)
        return x + self.pose.shift * share**1.5, y + x * slope

    def path(self, points: Sequence[Point]) -> list[Point]:
        """Place every point of a path."""
        return [self.place(point) for point in points]

    def _arm(self, index: int) -> Limb:
        sign = -1.0 if index == 0 else 1.0
        build, pose = self.build, self.pose
        shoulder = self.place((sign * (build.shoulder - 0.17), SHOULDER + 0.15))
        first = math.radians(pose.upper_arms[index])
        elbow = (shoulder[0] + sign * 1.26 * math.sin(first), shoulder[1] + 1.26 * math.cos(first))
        second = first - math.radians(pose.forearms[index])
        wrist = (elbow[0] + sign * 1.12 * math.sin(second), elbow[1] + 1.12 * math.cos(second))
        widths = (0.165, 0.18, 0.145, 0.14, 0.09)
        return Limb((shoulder, elbow, wrist), _scaled(widths, build.limb))

    def _leg(self, index: int) -> Limb:
        sign = -1.0 if index == 0 else 1.0
        build, pose = self.build, self.pose
        hip = self.place((sign * build.hip * 0.5, HIP))
        first = math.radians(pose.legs[index])
        knee = (hip[0] + sign * (KNEE - HIP) * math.sin(first), hip[1] + (KNEE - HIP) * math.cos(first))
        second = first - math.radians(pose.knees[index])
        ankle = (knee[0] + sign * (ANKLE - KNEE) * math.sin(second), knee[1] + (ANKLE - KNEE) * math.cos(second))
        thigh = min(0.42, build.hip * 0.52)
        widths = (thigh, 0.33 * build.limb, 0.225 * build.limb, 0.235 * build.limb, 0.13 * build.limb)
        return Limb((hip, knee, ankle), widths)

    def hand(self, side: str) -> tuple[Point, Point]:
        """Return the wrist and the finger tips."""
        arm = self.arms[side]
        elbow, wrist = arm.joints[1], arm.joints[2]
        return wrist, along(elbow, wrist, 1.37)


def _scaled(
    widths: tuple[float, float, float, float, float], factor: float
) -> tuple[float, float, float, float, float]:
    a, b, c, d, e = widths
    return a * factor, b * factor, c * factor, d * factor, e * (0.5 + 0.5 * factor)
