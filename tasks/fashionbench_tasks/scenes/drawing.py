"""Drawings of generated scenes."""

from __future__ import annotations

from math import cos, pi, sin
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from fashionbench_tasks.scenes.world import COLOURS, GROUNDS

if TYPE_CHECKING:
    from fashionbench_tasks.scenes.world import Scene, Thing

SIDE = 96
_LARGE, _SMALL = 20, 13
_OUTLINE = (70, 70, 70)


def draw(scene: Scene) -> Image.Image:
    """Draw a scene as an RGB image of 96 x 96 pixels."""
    image = Image.new("RGB", (SIDE, SIDE), GROUNDS[scene.ground])
    pen = ImageDraw.Draw(image)
    near, far, middle = SIDE // 4, 3 * SIDE // 4, SIDE // 2
    places = ((near, middle), (far, middle)) if scene.relation == "left of" else ((middle, near), (middle, far))
    for thing, place in zip((scene.first, scene.second), places, strict=True):
        _draw(pen, thing, place)
    return image


def _draw(pen: ImageDraw.ImageDraw, thing: Thing, place: tuple[int, int]) -> None:
    (x, y), half = place, _LARGE if thing.large else _SMALL
    fill = COLOURS[thing.colour]
    box = (x - half, y - half, x + half, y + half)
    roof = [(x - half, y), (x, y - half), (x + half, y)]
    if thing.shape == "circle":
        pen.ellipse(box, fill, _OUTLINE)
    elif thing.shape == "square":
        pen.rectangle(box, fill, _OUTLINE)
    elif thing.shape == "triangle":
        pen.polygon([(x, y - half), (x + half, y + half), (x - half, y + half)], fill, _OUTLINE)
    elif thing.shape == "star":
        points = []
        for corner in range(10):
            reach, angle = (half if corner % 2 == 0 else 0.45 * half), pi * corner / 5
            points.append((x + reach * sin(angle), y - reach * cos(angle)))
        pen.polygon(points, fill, _OUTLINE)
    elif thing.shape == "house":
        pen.rectangle((x - 0.7 * half, y, x + 0.7 * half, y + half), fill, _OUTLINE)
        pen.polygon(roof, fill, _OUTLINE)
    else:
        pen.rectangle((x - 0.2 * half, y, x + 0.2 * half, y + half), (120, 85, 60), _OUTLINE)
        pen.ellipse((x - 0.7 * half, y - half, x + 0.7 * half, y + 0.4 * half), fill, _OUTLINE)
