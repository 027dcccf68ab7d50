"""Portraits: a person in an outfit before a wall, framed as in VITON-HD (upper body) or Dress Code (whole body)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import Body, Pose
from fashionbench_atelier.rendering.canvas import Camera, Canvas
from fashionbench_atelier.rendering.cloth_relief import Light
from fashionbench_atelier.rendering.layering import dress
from fashionbench_atelier.rendering.photos import MANNEQUINS, WALLS, draw_flat, extent, wall
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from fashionbench_atelier.rendering.layering import Outfit
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.person import Person

WIDTH, HEIGHT = 384, 512
"""Half the 768 x 1024 (width x height) of the real sets."""

# Heights in body units at the top of the image, and how many units the image is high.
_FRAMES = {"upper": (-1.5, 4.4), "full": (-1.55, 8.2)}


def frame(framing: str, width: int = WIDTH, height: int = HEIGHT) -> Camera:
    """Return the camera of a framing, which is the same for every person."""
    top, units = _FRAMES[framing]
    scale = height / units
    return Camera(scale, width / 2, -top * scale)


def render_person(seed: int, person: Person, outfit: Outfit, width: int = WIDTH, height: int = HEIGHT) -> Canvas:
    """Paint a person in an outfit.

    The wall and the light depend on the person only, so the same person in another garment stands in the same image.

    :returns: the canvas; its ``labels`` are the parse map and its ``target`` covers what is seen of the target garment.
    """
    rng = Rng(seed, "portrait", person.id)
    light = Light(side=rng.between(-1, 1), relief=rng.between(0.85, 1.15))
    canvas = Canvas(width, height, frame(person.framing, width, height))
    wall(canvas, rng.pick(WALLS), light)
    dress(canvas, person, outfit, light, seed)
    return canvas


def render_garment(seed: int, product: Product, width: int = WIDTH, height: int = HEIGHT) -> Canvas:
    """Take the shop's image of a garment that the try-on sets call ``cloth``: nobody in it, on white, from the front.

    :returns: the canvas; its ``target`` is the cloth mask.
    """
    body = shop_body(product)
    top, bottom, half = extent(product, body)
    scale = min(height / (bottom - top + 0.3), width / (2 * half + 0.3))
    canvas = Canvas(width, height, Camera(scale, width / 2, height / 2 - (top + bottom) / 2 * scale))
    canvas.rgb[...] = 255.0
    draw_flat(canvas, product, body, Light(), Rng(seed, "still", product.id))
    return canvas


def shop_body(product: Product) -> Body:
    """Return the mannequin that carries a garment unseen in the shop's image of it."""
    arms = 13.0 if product.category in {"shirt", "toptee", "jacket"} else 9.0
    return Body(MANNEQUINS[product.gender], Pose(upper_arms=(arms, arms), forearms=(3.0, 3.0)))
