from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fashionbench_atelier.rendering.photos import Photo, cloth_mask, plan_photos, render_photo
from fashionbench_atelier.rendering.portrait import render_garment
from fashionbench_atelier.world.garment import Product, design, tint
from fashionbench_atelier.world.palette import COLOURS, nearest
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.silhouettes import CUTS

SEED = 11


def plain(cut: str, colour: str) -> Product:
    product = design(Rng(SEED, cut, colour), 1, cut)
    dye = tint(Rng(SEED, colour), colour)
    return replace(
        product, colour=colour, second="none", pattern="solid", print="none", detail="none", dye=dye, second_dye=dye
    )


def front(product: Product) -> Photo:
    photo = plan_photos(SEED, product)[0]
    return replace(photo, kind="front")


@pytest.mark.parametrize("colour", sorted(COLOURS))
@pytest.mark.parametrize("cut", ["t-shirt", "a-line dress", "jeans", "blazer"])
def test_the_measured_colour_of_a_plain_garment_is_the_declared_one(cut: str, colour: str) -> None:
    product = plain(cut, colour)
    canvas = render_photo(SEED, product, front(product))
    pixels = np.asarray(canvas.image())[cloth_mask(canvas)]
    assert nearest(np.median(pixels, axis=0)) == colour


@pytest.mark.parametrize("cut", sorted(CUTS))
def test_the_declared_colour_is_the_commonest_one_in_a_patterned_garment_too(cut: str) -> None:
    for number in range(4):
        product = design(Rng(SEED, cut, number), number, cut)
        canvas = render_photo(SEED, product, front(product))
        pixels = np.asarray(canvas.image())[cloth_mask(canvas)].astype(np.float64)
        dyes = np.array([product.dye, product.second_dye], dtype=np.float64)
        if product.second == "none":
            continue
        nearer_to_main = ((pixels - dyes[0]) ** 2).sum(axis=1) < ((pixels - dyes[1]) ** 2).sum(axis=1)
        assert nearer_to_main.mean() > 0.5, product


@pytest.mark.parametrize("cut", sorted(CUTS))
def test_a_garment_lies_whole_and_large_in_its_front_photo(cut: str) -> None:
    product = design(Rng(SEED, cut), 3, cut)
    canvas = render_photo(SEED, product, front(product))
    rows, columns = np.nonzero(cloth_mask(canvas))
    assert rows.min() > 0
    assert rows.max() < 255
    assert columns.min() > 0
    assert columns.max() < 255
    assert max(np.ptp(rows), np.ptp(columns)) > 100


def test_a_pattern_is_clipped_to_the_garment() -> None:
    base = plain("tee", "white")
    canvases = [
        render_photo(SEED, replace(base, pattern=pattern, second="black", second_dye=(30, 30, 34)), front(base))
        for pattern in ("solid", "check")
    ]
    one, other = (np.asarray(canvas.image()).astype(int) for canvas in canvases)
    changed = np.abs(one - other).max(axis=2) > 3
    assert changed.any()
    assert not changed[canvases[0].target == 0].any()


def test_attributes_change_the_silhouette_the_way_they_say() -> None:
    def area(**changes: str) -> int:
        product = replace(plain("t-shirt", "red"), **changes)  # type: ignore[arg-type]
        return int(cloth_mask(render_garment(SEED, product)).sum() * scale(product))

    def scale(product: Product) -> float:
        return 1.0 / render_garment(SEED, product).camera.scale ** 2 * 1e6

    assert area(sleeve="sleeveless") < area(sleeve="short") < area(sleeve="long")
    assert area(length="regular") < area(length="long")
    assert area(fit="slim") < area(fit="regular") < area(fit="loose")
    assert area(neckline="scoop") < area(neckline="crew")


def test_photos_are_planned_once_and_show_the_product_whole_first() -> None:
    for number in range(60):
        product = design(Rng(SEED, "plan", number), number, sorted(CUTS)[number % len(CUTS)])
        photos = plan_photos(SEED, product)
        assert 1 <= len(photos) <= 4
        assert photos[0].kind in {"front", "worn"}
        assert len({photo.kind for photo in photos}) == len(photos)
        assert [photo.index for photo in photos] == list(range(len(photos)))
        assert photos == plan_photos(SEED, product)


def test_the_back_shows_no_print_and_the_front_does() -> None:
    product = replace(plain("t-shirt", "white"), print="heart", second="red", second_dye=COLOURS["red"])
    reds = []
    for kind in ("front", "back"):
        pixels = np.asarray(render_photo(SEED, product, replace(front(product), kind=kind)).image()).astype(int)
        reds.append(int(((pixels[..., 0] > 150) & (pixels[..., 1] < 90)).sum()))
    assert reds[0] > 200
    assert reds[1] == 0
