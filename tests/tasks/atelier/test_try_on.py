"""Portraits and their conditions, checked against differences between images."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from fashionbench_atelier.anatomy import densepose, labels
from fashionbench_atelier.anatomy.body import Body
from fashionbench_atelier.anatomy.keypoints import BODY_25, COCO_18, body_keypoints, openpose_json, skeleton
from fashionbench_atelier.rendering.conditions import (
    GREY,
    REGIONS,
    agnostic_image,
    agnostic_mask,
    agnostic_parse,
    garment_mask,
    sketch,
)
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_person
from fashionbench_atelier.world.dressed_people import DressedPerson, swapped_outfit
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from PIL import Image

    from fashionbench_atelier.rendering.layering import Outfit
    from fashionbench_atelier.world.garment import Product

WORLD = World(5, size=200, people=30)
PEOPLE = WORLD.dressed_people[::2]


def recoloured(dressed_person: DressedPerson, dye: tuple[int, int, int]) -> Outfit:
    def painted(product: Product) -> Product:
        return replace(product, dye=dye, second_dye=dye) if product.id == dressed_person.garment else product

    return replace(
        dressed_person.outfit, garments=tuple(painted(product) for product in dressed_person.outfit.garments)
    )


@pytest.mark.parametrize("dressed_person", PEOPLE, ids=lambda one: f"{one.id}-{one.region}")
def test_the_mask_covers_exactly_the_pixels_that_depend_on_the_garments_dye(dressed_person: DressedPerson) -> None:
    red = render_person(WORLD.seed, dressed_person.person, recoloured(dressed_person, (200, 60, 60)))
    blue = render_person(WORLD.seed, dressed_person.person, recoloured(dressed_person, (60, 60, 200)))
    changed = np.abs(np.asarray(red.image()).astype(int) - np.asarray(blue.image()).astype(int)).max(axis=2) > 0
    mask = garment_mask(red)
    assert changed.any()
    assert not (changed & ~mask).any()
    # Buckles, buttons, belts and the inside of a hem keep their own colour or are too dark to tell.
    assert (mask & ~changed).sum() < 0.06 * mask.sum()


@pytest.mark.parametrize("dressed_person", PEOPLE, ids=lambda one: f"{one.id}-{one.region}")
def test_the_agnostic_mask_hides_the_garment_but_keeps_face_hair_and_shoes(dressed_person: DressedPerson) -> None:
    canvas = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
    region = REGIONS[WORLD.products[dressed_person.garment].category]
    mask = agnostic_mask(canvas, dressed_person.person, region)
    assert not (garment_mask(canvas) & ~mask).any()
    solid = canvas.target == 0
    kept = np.isin(canvas.labels, [labels.FACE, labels.HAIR, labels.LEFT_SHOE, labels.RIGHT_SHOE]) & solid
    assert not (kept & mask).any()
    pixels = np.asarray(agnostic_image(canvas, mask))
    assert (pixels[mask] == GREY).all()
    assert (pixels[~mask] == np.asarray(canvas.image())[~mask]).all()
    parse = agnostic_parse(canvas, mask)
    assert (parse[mask] == labels.BACKGROUND).all()
    assert (parse[~mask] == canvas.labels[~mask]).all()


@pytest.mark.parametrize("dressed_person", PEOPLE, ids=lambda one: f"{one.id}-{one.region}")
def test_another_garment_changes_nothing_outside_the_two_garments_and_their_shadows(
    dressed_person: DressedPerson,
) -> None:
    own = WORLD.products[dressed_person.garment]
    others = [p for p in WORLD.products if p.category == own.category and p.gender == own.gender and p.id != own.id]
    other = others[dressed_person.id % len(others)]
    before = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
    after = render_person(WORLD.seed, dressed_person.person, swapped_outfit(dressed_person, other))
    assert (garment_mask(after)).sum() > 500
    same = ~agnostic_mask(before, dressed_person.person, REGIONS[own.category])
    same &= ~agnostic_mask(after, dressed_person.person, REGIONS[own.category])
    same &= np.isin(before.labels, [labels.FACE, labels.HAIR, labels.BACKGROUND])
    same &= np.isin(after.labels, [labels.FACE, labels.HAIR, labels.BACKGROUND])
    one, two = np.asarray(before.image())[same], np.asarray(after.image())[same]
    # A collar throws its shadow on the hair beside it.
    assert (one == two).mean() > 0.995


@pytest.mark.parametrize("dressed_person", PEOPLE, ids=lambda one: f"{one.id}-{one.region}")
def test_joints_lie_on_the_person_and_in_the_right_part(dressed_person: DressedPerson) -> None:
    canvas = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
    points = body_keypoints(dressed_person.person, canvas.camera, WIDTH, HEIGHT)
    mapped = densepose.surface(dressed_person.person, canvas.camera, WIDTH, HEIGHT)
    for name, (x, y, seen) in zip(BODY_25, points, strict=True):
        if not seen:
            assert x == y == 0
            continue
        assert canvas.labels[int(y), int(x)] != labels.BACKGROUND, name
        if "ear" not in name:
            assert mapped.part[int(y), int(x)] != 0, name
    named = dict(zip(BODY_25, points, strict=True))
    assert named["left_shoulder"][0] > named["right_shoulder"][0]
    assert mapped.part[int(named["nose"][1]), int(named["nose"][0])] in {densepose.HEAD_LEFT, densepose.HEAD_RIGHT}
    if dressed_person.layout == "dress-code":
        assert all(points[:, 2] == 1)
        knee = named["left_knee"]
        assert mapped.part[int(knee[1]) - 20, int(knee[0])] == densepose.UPPER_LEG["left"]
        assert mapped.part[int(knee[1]) + 20, int(knee[0])] == densepose.LOWER_LEG["left"]


def test_openpose_json_holds_75_numbers_and_the_18_points_are_a_choice_of_them() -> None:
    dressed_person = WORLD.dressed_people[0]
    canvas = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
    points = body_keypoints(dressed_person.person, canvas.camera, WIDTH, HEIGHT)
    (person,) = json.loads(openpose_json(points))["people"]
    assert np.allclose(np.array(person["pose_keypoints_2d"]).reshape(25, 3), points)
    assert [BODY_25[index] for index in COCO_18][8] == "right_hip"
    assert len(COCO_18) == 18
    drawn = np.asarray(skeleton(points, WIDTH, HEIGHT))
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert drawn.any()


def test_the_parse_map_names_the_worn_garments() -> None:
    for dressed_person in WORLD.dressed_people:
        canvas = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
        own = labels.GARMENT[WORLD.products[dressed_person.garment].category]
        seen = canvas.target > 0.75
        assert seen.any()
        assert (canvas.labels[seen] == own).mean() > 0.99
        assert set(np.unique(canvas.labels)) <= set(labels.DRESS_CODE)


def test_the_densepose_map_does_not_depend_on_clothes_and_its_coordinates_cover_each_part() -> None:
    person = WORLD.dressed_people[3].person
    canvas = render_person(WORLD.seed, person, WORLD.dressed_people[3].outfit)
    mapped = densepose.surface(person, canvas.camera, WIDTH, HEIGHT)
    assert set(np.unique(mapped.part)) <= set(range(25))
    for part in np.unique(mapped.part[mapped.part > 0]):
        inside = mapped.part == part
        assert np.ptp(mapped.v[inside]) > 100
    assert (mapped.u[mapped.part == 0] == 0).all()
    assert densepose.visual(mapped).shape == (HEIGHT, WIDTH, 3)


def test_the_sketch_has_lines_on_the_garment_only_and_no_colour() -> None:
    dressed_person = next(one for one in WORLD.dressed_people if one.region == "dresses")
    product = WORLD.products[dressed_person.garment]
    canvas = render_person(WORLD.seed, dressed_person.person, dressed_person.outfit)
    body = Body(dressed_person.person.build, dressed_person.person.pose)

    def drawn(product: Product) -> Image.Image:
        rng = Rng(WORLD.seed, "folds", dressed_person.person.id, product.id)
        return sketch(product, body, canvas.camera, WIDTH, HEIGHT, rng, seen=canvas.target)

    image = drawn(product)
    pixels = np.asarray(image)
    assert image.mode == "L"
    assert (pixels < 128).sum() > 100
    far = ~garment_mask(canvas)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            far &= ~np.roll(garment_mask(canvas), (dy, dx), axis=(0, 1))
    assert (pixels[far] == 255).all()
    assert drawn(replace(product, dye=(1, 2, 3))).tobytes() == image.tobytes()
