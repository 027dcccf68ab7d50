"""Joints of a person in the order of OpenPose, as JSON and as a drawing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw

from fashionbench_atelier.anatomy.body import HIP, SHOULDER, Body
from fashionbench_atelier.anatomy.head import Head

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.anatomy.geometry import Point
    from fashionbench_atelier.rendering.canvas import Camera
    from fashionbench_atelier.world.person import Person

BODY_25 = (
    "nose",
    "neck",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "mid_hip",
    "right_hip",
    "right_knee",
    "right_ankle",
    "left_hip",
    "left_knee",
    "left_ankle",
    "right_eye",
    "left_eye",
    "right_ear",
    "left_ear",
    "left_big_toe",
    "left_small_toe",
    "left_heel",
    "right_big_toe",
    "right_small_toe",
    "right_heel",
)
"""Names of OpenPose's 25 body keypoints, in its order."""

COCO_18 = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18)
"""Indices of :data:`BODY_25` that make OpenPose's older 18-point order, which Dress Code's keypoint files use."""

_BONES = (
    (1, 2),
    (2, 3),
    (3, 4),
    (1, 5),
    (5, 6),
    (6, 7),
    (1, 8),
    (8, 9),
    (9, 10),
    (10, 11),
    (8, 12),
    (12, 13),
    (13, 14),
    (1, 0),
    (0, 15),
    (15, 17),
    (0, 16),
    (16, 18),
    (14, 19),
    (11, 22),
)


def body_keypoints(person: Person, camera: Camera, width: int, height: int) -> NDArray[np.float64]:
    """Locate the 25 joints.

    :returns: float64 [25, 3]: x and y in pixels and a confidence of 1; all three are 0 for a joint outside the image.
    """
    body = Body(person.build, person.pose)
    head = Head(person, body)
    named: dict[str, Point] = {
        "nose": head.place((0.0, -0.5)),
        "neck": body.place((0.0, SHOULDER - 0.05)),
        "mid_hip": body.place((0.0, HIP)),
    }
    for side, sign in (("right", -1.0), ("left", 1.0)):
        arm, leg = body.arms[side], body.legs[side]
        named |= dict(zip((f"{side}_shoulder", f"{side}_elbow", f"{side}_wrist"), arm.joints, strict=True))
        named |= dict(zip((f"{side}_hip", f"{side}_knee", f"{side}_ankle"), leg.joints, strict=True))
        named[f"{side}_eye"] = head.place((sign * 0.15, -0.69))
        named[f"{side}_ear"] = head.place((sign * 0.355, -0.68))
        x, y = leg.joints[2]
        named[f"{side}_big_toe"] = (x + sign * 0.05, y + 0.34)
        named[f"{side}_small_toe"] = (x + sign * 0.22, y + 0.34)
        named[f"{side}_heel"] = (x, y + 0.1)
    out = np.zeros((25, 3))
    for index, name in enumerate(BODY_25):
        ((x, y),) = camera.pixels([named[name]])
        if 0 <= x < width and 0 <= y < height:
            out[index] = round(x, 3), round(y, 3), 1.0
    return out


def openpose_json(points: NDArray[np.float64]) -> str:
    """Write keypoints as OpenPose writes them for one person (``pose_keypoints_2d``, 75 numbers; no hands, no face)."""
    person = {
        "person_id": [-1],
        "pose_keypoints_2d": [float(value) for value in points.ravel()],
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
    }
    return json.dumps({"version": 1.3, "people": [person]})


def skeleton(points: NDArray[np.float64], width: int, height: int) -> Image.Image:
    """Draw the bones between the joints that are in the image, one hue a bone, on black."""
    image = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(image)
    thick = max(2, round(height / 130))
    for number, (start, end) in enumerate(_BONES):
        if points[start, 2] and points[end, 2]:
            a, b = points[start], points[end]
            pen.line([(a[0], a[1]), (b[0], b[1])], fill=_hue(number / len(_BONES)), width=thick)
    for number, (x, y, seen) in enumerate(points):
        if seen:
            pen.ellipse([x - thick, y - thick, x + thick, y + thick], fill=_hue(number / len(points)))
    return image


def _hue(turn: float) -> tuple[int, int, int]:
    def channel(shift: float) -> int:
        place = (turn + shift) % 1 * 6
        return round(255 * min(1.0, max(0.0, 2 - place if place < 3 else place - 4)))

    return channel(1 / 3), channel(0.0), channel(2 / 3)
