"""Contents of generated scenes: two coloured shapes on a ground, and five captions of each scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

#: Raised whenever the same seed and sizes give other files.
VERSION = 1
DATASET_ID = "scenes"

COLOURS = {
    "red": (200, 40, 40),
    "orange": (235, 140, 40),
    "yellow": (240, 215, 60),
    "green": (50, 140, 70),
    "blue": (50, 90, 200),
    "purple": (130, 60, 160),
    "black": (30, 30, 30),
    "white": (250, 250, 250),
}
SHAPES = ("circle", "square", "triangle", "star", "house", "tree")
GROUNDS = {"grass": (170, 215, 150), "sand": (230, 210, 170), "water": (160, 205, 230), "snow": (225, 230, 240)}
#: How the first shape lies to the second, and how the second lies to the first.
RELATIONS = {"left of": "right of", "above": "below"}


@dataclass(frozen=True, slots=True)
class Thing:
    """A shape of a scene."""

    shape: str
    colour: str
    large: bool

    @property
    def words(self) -> str:
        """Colour and shape, such as ``red house``."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True, slots=True)
class Scene:
    """Two shapes on a ground; the first lies ``relation`` the second."""

    first: Thing
    second: Thing
    relation: str
    ground: str


def draw_scene(rng: Random) -> Scene:
    """Draw a scene whose two shapes differ in colour and in kind."""
    shapes, colours = rng.sample(SHAPES, 2), rng.sample(sorted(COLOURS), 2)
    things = [Thing(shape, colour, rng.random() < 0.5) for shape, colour in zip(shapes, colours, strict=True)]
    return Scene(things[0], things[1], rng.choice(sorted(RELATIONS)), rng.choice(sorted(GROUNDS)))


def captions(scene: Scene) -> list[str]:
    """Describe a scene in five ways, which tell different parts of it."""
    first, second = scene.first, scene.second
    size = "large" if first.large else "small"
    return [
        f"A {first.words} {scene.relation} a {second.words}.",
        f"There is a {second.words} {RELATIONS[scene.relation]} a {first.words} on {scene.ground}.",
        f"A {size} {first.words} and a {second.words} on {scene.ground}.",
        f"A {second.shape} in {second.colour} with a {first.shape} in {first.colour}.",
        f"On {scene.ground} stands a {first.words}, {scene.relation} something {second.colour}.",
    ]
