"""Draw the contact sheet of a world: photos, triplets with their captions, and a try-on row with every condition."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fashionbench_atelier.anatomy import densepose, keypoints
from fashionbench_atelier.anatomy.body import Body
from fashionbench_atelier.rendering.conditions import REGIONS, agnostic_image, agnostic_mask, sketch
from fashionbench_atelier.rendering.photos import render_photo
from fashionbench_atelier.rendering.portrait import HEIGHT, WIDTH, render_garment, render_person
from fashionbench_atelier.world.dressed_people import swapped_outfit, unpaired
from fashionbench_atelier.world.rng import Rng
from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench_atelier.world.dressed_people import DressedPerson

_COLUMNS, _TILE, _GAP = 12, 120, 4
_SHEET_WIDTH = _COLUMNS * (_TILE + _GAP) + _GAP


def contact_sheet(world: World) -> Image.Image:
    """Draw a world on one sheet."""
    bands = [
        _photo_band(world),
        _triplet_band(world),
        *[_try_on_band(world, dressed_person) for dressed_person in _chosen(world)],
    ]
    sheet = Image.new("RGB", (_SHEET_WIDTH, sum(band.height for band in bands)), "white")
    top = 0
    for band in bands:
        sheet.paste(band, (0, top))
        top += band.height
    return sheet


def _band(images: Sequence[Image.Image], width: int, height: int, columns: int) -> Image.Image:
    rows = -(-len(images) // columns)
    band = Image.new("RGB", (_SHEET_WIDTH, rows * (height + _GAP) + _GAP), "white")
    for number, image in enumerate(images):
        place = (_GAP + number % columns * (width + _GAP), _GAP + number // columns * (height + _GAP))
        band.paste(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS), place)
    return band


def _photo_band(world: World) -> Image.Image:
    photos = [(product, photo) for product in world.products[:40] for photo in world.photos(product.id)]
    return _band([render_photo(world.seed, *each).image() for each in photos[: 4 * _COLUMNS]], _TILE, _TILE, _COLUMNS)


def _triplet_band(world: World) -> Image.Image:
    images, texts = [], []
    for triplet in [one for one in world.triplets if all(caption.text for caption in one.captions)][: _COLUMNS // 2]:
        for identity in (triplet.reference, triplet.target):
            photo = next((p for p in world.photos(identity) if p.kind == "front"), world.photos(identity)[0])
            images.append(render_photo(world.seed, world.products[identity], photo).image())
        texts.append(triplet.captions)
    tiles = _band(images, _TILE, _TILE, _COLUMNS)
    band = Image.new("RGB", (_SHEET_WIDTH, tiles.height + 34), "white")
    band.paste(tiles, (0, 0))
    pen, font = ImageDraw.Draw(band), ImageFont.load_default(11)
    for number, captions in enumerate(texts):
        for line, caption in enumerate(captions):
            place = (_GAP + number * 2 * (_TILE + _GAP), tiles.height + line * 15)
            pen.text(place, caption.text[:44], fill="black", font=font)
    return band


def _chosen(world: World) -> list[DressedPerson]:
    people: dict[tuple[str, str], DressedPerson] = {}
    partners = dict(unpaired(world.seed, world.dressed_people, "viton-hd", "test"))
    partners |= dict(unpaired(world.seed, world.dressed_people, "dress-code", "test"))
    for dressed_person in world.dressed_people:
        if dressed_person.id in partners:
            people.setdefault((dressed_person.layout, dressed_person.region), dressed_person)
    return list(people.values())


def _try_on_band(world: World, dressed_person: DressedPerson) -> Image.Image:
    seed, product, person = world.seed, world.products[dressed_person.garment], dressed_person.person
    canvas = render_person(seed, person, dressed_person.outfit)
    partner = dict(unpaired(seed, world.dressed_people, dressed_person.layout, "test"))[dressed_person.id]
    other = world.products[{one.id: one for one in world.dressed_people}[partner].garment]
    swapped = render_person(seed, person, swapped_outfit(dressed_person, other))
    mask = agnostic_mask(canvas, person, REGIONS[product.category])
    points = keypoints.body_keypoints(person, canvas.camera, WIDTH, HEIGHT)
    mapped = densepose.surface(person, canvas.camera, WIDTH, HEIGHT)
    rng = Rng(seed, "folds", person.id, product.id)
    drawn = sketch(product, Body(person.build, person.pose), canvas.camera, WIDTH, HEIGHT, rng, seen=canvas.target)
    images = [
        render_garment(seed, product).image(),
        canvas.image(),
        agnostic_image(canvas, mask),
        Image.fromarray((canvas.target * 255).astype(np.uint8)),
        Image.fromarray(_parse_colours()[canvas.labels]),
        Image.fromarray(densepose.visual(mapped)),
        keypoints.skeleton(points, WIDTH, HEIGHT),
        drawn,
        render_garment(seed, other).image(),
        swapped.image(),
    ]
    width = (_SHEET_WIDTH - _GAP) // len(images) - _GAP
    return _band(images, width, width * HEIGHT // WIDTH, len(images))


def _parse_colours() -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    hues = np.array([[0, 0, 0], *[[60 + 83 * k % 190, 60 + 131 * k % 190, 60 + 197 * k % 190] for k in range(1, 20)]])
    return hues.astype(np.uint8)


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the module: write the sheet as a PNG of 256 colours."""
    parser = argparse.ArgumentParser(
        prog="python -m fashionbench_atelier.contact_sheet",
        description="Draw the contact sheet of an Atelier world.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  python -m fashionbench_atelier.contact_sheet --seed 7 --out docs/images/atelier.png",
    )
    parser.add_argument("--seed", type=int, default=7, help="seed of the world (default: 7)")
    parser.add_argument("--out", type=Path, required=True, help="PNG file to write")
    options = parser.parse_args(argv)
    sheet = contact_sheet(World(options.seed, size=600, people=60))
    sheet.quantize(256, kmeans=2).save(options.out, optimize=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
