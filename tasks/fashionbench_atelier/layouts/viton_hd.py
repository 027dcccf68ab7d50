"""VITON-HD with the additions of MGD: persons in upper-body garments, and every condition image.

``truth-unpaired`` is the twin's own: the persons in the garments of the unpaired list, which no real set has.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy import densepose, keypoints
from fashionbench_atelier.anatomy.body import Body
from fashionbench_atelier.layouts.annotation_files import write_json, write_lines
from fashionbench_atelier.layouts.image_files import grey, parse_map, save
from fashionbench_atelier.layouts.try_on_lists import dressed_person
from fashionbench_atelier.rendering.conditions import REGIONS, agnostic_image, agnostic_mask, agnostic_parse, sketch
from fashionbench_atelier.rendering.photos import cloth_mask
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_garment, render_person
from fashionbench_atelier.world.captions import NECKLINE_NAMES, PATTERN_ADJECTIVES
from fashionbench_atelier.world.dressed_people import swapped_outfit
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image

    from fashionbench_atelier.layouts.source import LayoutSource
    from fashionbench_atelier.layouts.try_on_lists import ListedPerson
    from fashionbench_atelier.rendering.canvas import Canvas
    from fashionbench_atelier.world.dressed_people import DressedPerson
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.world import World

FOLDER = "viton-hd"


def stem(identity: int) -> str:
    """Name a person, and the garment that the person wears, as Zalando's images are named."""
    return f"{identity:05d}_00"


@dataclass(frozen=True, slots=True)
class PersonJob:
    """The images of one person."""

    root: str
    dressed_person: int
    split: str
    partner: int | None

    def run(self, world: World) -> None:
        """Draw the person, the garment, the conditions and the sketch; for a test person also in the other garment."""
        one = dressed_person(world, self.dressed_person)
        folder, name = Path(self.root, self.split), stem(self.dressed_person)
        product, person = world.products[one.garment], one.person
        canvas, cloth = render_person(world.seed, person, one.outfit), render_garment(world.seed, product)
        mask = agnostic_mask(canvas, person, REGIONS[product.category])
        save(folder / "image" / f"{name}.jpg", canvas)
        save(folder / "cloth" / f"{name}.jpg", cloth)
        save(folder / "cloth-mask" / f"{name}.jpg", grey(cloth_mask(cloth)))
        save(folder / "agnostic-v3.2" / f"{name}.jpg", agnostic_image(canvas, mask))
        save(folder / "agnostic-mask" / f"{name}_mask.png", grey(mask))
        save(folder / "image-parse-v3" / f"{name}.png", parse_map(canvas.labels))
        save(folder / "image-parse-agnostic-v3.2" / f"{name}.png", parse_map(agnostic_parse(canvas, mask)))
        mapped = densepose.surface(person, canvas.camera, WIDTH, HEIGHT)
        save(folder / "image-densepose" / f"{name}.jpg", grey(densepose.visual(mapped)))
        points = keypoints.body_keypoints(person, canvas.camera, WIDTH, HEIGHT)
        save(folder / "openpose_img" / f"{name}_rendered.png", keypoints.skeleton(points, WIDTH, HEIGHT))
        write_lines(folder / "openpose_json" / f"{name}_keypoints.json", [keypoints.openpose_json(points)])
        save(folder / "im_sketch" / f"{name}.png", _sketch(world, one, product, canvas))
        if self.partner is not None:
            self._unpaired(world, one, folder, f"{name}_{stem(self.partner)}", self.partner)

    def _unpaired(self, world: World, one: DressedPerson, folder: Path, name: str, partner: int) -> None:
        garment = world.products[dressed_person(world, partner).garment]
        swapped = render_person(world.seed, one.person, swapped_outfit(one, garment))
        save(folder / "im_sketch_unpaired" / f"{name}.png", _sketch(world, one, garment, swapped))
        save(Path(self.root, "truth-unpaired", self.split, f"{name}.jpg"), swapped)


def _sketch(world: World, one: DressedPerson, product: Product, worn: Canvas) -> Image.Image:
    body = Body(one.person.build, one.person.pose)
    rng = Rng(world.seed, "folds", one.person.id, product.id)
    return sketch(product, body, worn.camera, WIDTH, HEIGHT, rng, seen=worn.target)


def chunks(product: Product) -> list[str]:
    """Describe a garment in three noun chunks, all true of it."""
    look = PATTERN_ADJECTIVES.get(product.pattern) or (f"{product.print} print" if product.print != "none" else "")
    first = " ".join(word for word in (product.colour, look, product.cut) if word)
    sleeves = "bare arms" if product.sleeve == "sleeveless" else f"{product.sleeve} sleeves"
    if product.sleeve == "strap":
        sleeves = "spaghetti straps"
    return [first, sleeves, NECKLINE_NAMES.get(product.neckline, f"{product.fabric} fabric")]


def listed_people_of(source: LayoutSource, split: str) -> list[ListedPerson]:
    """List the people of a split, by id."""
    return [one for one in source.listed_people if one.dressed_person.layout == FOLDER and one.split == split]


def person_jobs(source: LayoutSource, root: Path) -> Iterator[PersonJob]:
    """List the people to draw."""
    for one in source.listed_people:
        if one.dressed_person.layout == FOLDER:
            yield PersonJob(str(root / FOLDER), one.dressed_person.id, one.split, one.partner)


def write(source: LayoutSource, root: Path) -> None:
    """Write the lists of pairs (the test list is the unpaired one) and MGD's captions."""
    folder = root / FOLDER
    train = [one.dressed_person.id for one in listed_people_of(source, "train")]
    write_lines(folder / "train_pairs.txt", [f"{stem(one)}.jpg {stem(one)}.jpg" for one in train])
    tests = [
        (one.dressed_person.id, one.partner) for one in listed_people_of(source, "test") if one.partner is not None
    ]
    write_lines(folder / "test_pairs.txt", [f"{stem(one)}.jpg {stem(other)}.jpg" for one, other in tests])
    captions = {
        stem(one.dressed_person.id).partition("_")[0]: chunks(source.world.products[one.dressed_person.garment])
        for one in source.listed_people
        if one.dressed_person.layout == FOLDER
    }
    write_json(folder / "captions.json", captions)
