"""Dress Code: whole persons in three categories of garments, with keypoints, parse maps and dense maps.

``truth-unpaired`` is the twin's own: the persons in the garments of the unpaired lists, which no real set has.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fashionbench_atelier.anatomy import densepose, keypoints, labels
from fashionbench_atelier.layouts.annotation_files import write_json, write_lines
from fashionbench_atelier.layouts.image_files import grey, parse_map, save
from fashionbench_atelier.layouts.try_on_lists import dressed_person
from fashionbench_atelier.rendering.conditions import REGIONS, agnostic_mask
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_garment, render_person
from fashionbench_atelier.world.dressed_people import swapped_outfit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashionbench_atelier.anatomy.densepose import Surface
    from fashionbench_atelier.layouts.source import LayoutSource
    from fashionbench_atelier.layouts.try_on_lists import ListedPerson
    from fashionbench_atelier.world.world import World

FOLDER = "dress-code"
CATEGORIES = ("dresses", "upper_body", "lower_body")
"""In the order of their numbers in the lists that hold all three."""

_LABELS = np.array([labels.DRESS_CODE[label] for label in range(len(labels.DRESS_CODE))], dtype=np.uint8)


def stem(identity: int) -> str:
    """Name a person, and the garment that the person wears, by a number of six digits."""
    return f"{identity:06d}"


@dataclass(frozen=True, slots=True)
class PersonJob:
    """The images of one person."""

    root: str
    dressed_person: int
    partner: int | None

    def run(self, world: World) -> None:
        """Draw the person, the garment, the conditions, and for a test person the unpaired truth."""
        one = dressed_person(world, self.dressed_person)
        folder, name = Path(self.root, one.region), stem(self.dressed_person)
        product, person = world.products[one.garment], one.person
        canvas = render_person(world.seed, person, one.outfit)
        save(folder / "images" / f"{name}_0.jpg", canvas)
        save(folder / "images" / f"{name}_1.jpg", render_garment(world.seed, product))
        save(folder / "label_maps" / f"{name}_4.png", parse_map(_LABELS[canvas.labels]))
        save(
            folder / "agnostic_masks" / f"{name}_0.png", grey(agnostic_mask(canvas, person, REGIONS[product.category]))
        )
        points = keypoints.body_keypoints(person, canvas.camera, WIDTH, HEIGHT)
        save(folder / "skeletons" / f"{name}_5.jpg", keypoints.skeleton(points, WIDTH, HEIGHT))
        rows = [[*map(float, points[joint]), float(at)] for at, joint in enumerate(keypoints.COCO_18)]
        write_json(folder / "keypoints" / f"{name}_2.json", {"keypoints": rows})
        mapped = densepose.surface(person, canvas.camera, WIDTH, HEIGHT)
        save(folder / "dense" / f"{name}_5.png", grey(mapped.part))
        _save_uv(folder / "dense" / f"{name}_5_uv.npz", mapped)
        if self.partner is not None:
            garment = world.products[dressed_person(world, self.partner).garment]
            swapped = render_person(world.seed, person, swapped_outfit(one, garment))
            pair = f"{name}_0_{stem(self.partner)}_1"
            save(Path(self.root, "truth-unpaired", one.region, f"{pair}.jpg"), swapped)


def _save_uv(path: Path, mapped: Surface) -> None:
    """Write U and V as float32 [2, H, W] in 0–1, under the name ``uv``, without the time of writing."""
    content = io.BytesIO()
    np.lib.format.write_array(content, np.stack([mapped.u, mapped.v]).astype(np.float32) / np.float32(255))
    entry = zipfile.ZipInfo("uv.npy")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(entry, content.getvalue(), zipfile.ZIP_DEFLATED, compresslevel=1)


def listed_people_of(source: LayoutSource, category: str, split: str) -> list[ListedPerson]:
    """List the people of a category and a split, by id."""
    people = [
        one
        for one in source.listed_people
        if one.dressed_person.layout == FOLDER and one.dressed_person.region == category
    ]
    return [one for one in people if one.split == split]


def person_jobs(source: LayoutSource, root: Path) -> Iterator[PersonJob]:
    """List the people to draw."""
    for one in source.listed_people:
        if one.dressed_person.layout == FOLDER:
            yield PersonJob(str(root / FOLDER), one.dressed_person.id, one.partner)


def write(source: LayoutSource, root: Path) -> None:
    """Write the three lists of each category, and the same for all of them with the category's number."""
    folder = root / FOLDER
    lists: dict[str, list[str]] = {"train_pairs.txt": [], "test_pairs_paired.txt": [], "test_pairs_unpaired.txt": []}
    for number, category in enumerate(CATEGORIES):
        train = [(one.dressed_person.id, one.dressed_person.id) for one in listed_people_of(source, category, "train")]
        tests = [
            (one.dressed_person.id, one.partner)
            for one in listed_people_of(source, category, "test")
            if one.partner is not None
        ]
        pairs = (train, [(one, one) for one, _ in tests], tests)
        for name, chosen in zip(lists, pairs, strict=True):
            lines = [f"{stem(one)}_0.jpg\t{stem(other)}_1.jpg" for one, other in chosen]
            write_lines(folder / category / name, lines)
            lists[name] += [f"{line}\t{number}" for line in lines]
    for name, lines in lists.items():
        write_lines(folder / name, lines)
