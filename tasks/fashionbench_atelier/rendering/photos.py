"""Product photos: plan them, and render them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.anatomy.body import Body, Build, Pose
from fashionbench_atelier.garments.assemble import assemble
from fashionbench_atelier.garments.measures import LEG_END, hem_height
from fashionbench_atelier.rendering.canvas import Camera, Canvas, soften
from fashionbench_atelier.rendering.cloth_relief import Light
from fashionbench_atelier.rendering.layering import Outfit, dress, order
from fashionbench_atelier.rendering.shading import draw_pieces
from fashionbench_atelier.world.garment import Product
from fashionbench_atelier.world.palette import COLOURS
from fashionbench_atelier.world.person import draw_person
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.world.palette import Rgb

SIDE = 256
"""Width and height of a product photo in pixels."""

WALLS: tuple[Rgb, ...] = (
    (250, 250, 250),
    (238, 238, 240),
    (226, 228, 232),
    (236, 230, 222),
    (214, 218, 222),
    (232, 222, 214),
)
MANNEQUINS = {
    "women": Build(),
    "unisex": Build(0.91, 0.69, 0.58, 0.7, 1.05, 0.2),
    "men": Build(0.97, 0.73, 0.64, 0.69, 1.12, 0.0),
}


@dataclass(frozen=True, slots=True)
class Photo:
    """Parameters of one product photo: kind, zoom, shift, wall, light and pose.

    :param product: id of the product.
    :param index: number of the photo within the product, from 0.
    :param kind: ``front`` and ``back`` without a wearer, ``worn`` by a person, or ``detail`` of the front.
    :param zoom: size of the garment in the frame, 1 fills it up to a margin.
    :param shift: where its centre lies, as a share of the frame, relative to the middle.
    :param wall: colour of the background.
    :param exposure: factor on the brightness of the whole image, 0.95–1.04.
    """

    product: int
    index: int
    kind: str
    zoom: float
    shift: tuple[float, float]
    wall: Rgb
    light: Light
    exposure: float
    pose: Pose


def plan_photos(seed: int, product: Product) -> tuple[Photo, ...]:
    """Plan the 1–4 photos of a product; the first shows it whole, from the front, worn or not."""
    rng = Rng(seed, "photos", product.id)
    count = rng.weighted({1: 3, 2: 4, 3: 2, 4: 1})
    first = rng.weighted({"front": 3, "worn": 2})
    others = rng.shuffled([kind for kind in ("front", "worn", "back", "detail") if kind != first])
    kinds = [first, *others][:count]
    return tuple(_plan(rng, product, index, kind) for index, kind in enumerate(kinds))


def _plan(rng: Rng, product: Product, index: int, kind: str) -> Photo:
    spread = rng.between(9, 24)
    return Photo(
        product=product.id,
        index=index,
        kind=kind,
        zoom=rng.between(1.5, 2.1) if kind == "detail" else rng.between(0.86, 1.0),
        shift=(rng.between(-0.03, 0.03), rng.between(-0.02, 0.02) - (0.12 if kind == "detail" else 0.0)),
        wall=rng.pick(WALLS),
        light=Light(side=rng.between(-1, 1), relief=rng.between(0.8, 1.2)),
        exposure=rng.between(0.95, 1.04),
        pose=Pose(
            upper_arms=(spread + rng.between(-2, 2), spread + rng.between(-2, 2)),
            forearms=(rng.between(0, 8), rng.between(0, 8)),
            legs=(2.0 + rng.between(0, 1.5), 2.0 + rng.between(0, 1.5)),
            tilt=rng.between(-1.2, 1.2),
        ),
    )


def render_photo(seed: int, product: Product, photo: Photo, side: int = SIDE) -> Canvas:
    """Take a photo.

    :returns: the canvas, whose ``target`` is where the product is seen.
    """
    if photo.kind == "worn":
        return _render_worn(seed, product, photo, side)
    body = Body(MANNEQUINS[product.gender], photo.pose)
    top, bottom, half = extent(product, body)
    scale = min(side / (bottom - top + 0.3), side / (2 * half + 0.3)) * photo.zoom
    middle = side * (0.5 + photo.shift[1]) - (top + bottom) / 2 * scale
    canvas = Canvas(side, side, Camera(scale, side * (0.5 + photo.shift[0]), middle))
    wall(canvas, photo.wall, photo.light)
    rng = Rng(seed, "cloth", product.id, photo.index)
    draw_flat(canvas, product, body, photo.light, rng, back=photo.kind == "back", shadow=True)
    _expose(canvas, photo.exposure)
    return canvas


def draw_flat(
    canvas: Canvas, product: Product, body: Body, light: Light, rng: Rng, *, back: bool = False, shadow: bool = False
) -> None:
    """Paint a product without a wearer.

    :param shadow: let it throw a soft shadow on the wall.
    """
    assembled = assemble(product, body, rng, back=back)
    noise = rng.grid(5, 5)
    groups = [assembled.behind, assembled.front, *assembled.arms.values()]
    if shadow:
        _draw_shadow(
            canvas, [path for group in groups for piece in group if piece.dye == "cloth" for path in piece.shape]
        )
    for group in groups:
        draw_pieces(canvas, group, product, light, noise, label=labels.GARMENT[product.category], target=True)


def _draw_shadow(canvas: Canvas, shape: list[list[tuple[float, float]]]) -> None:
    cover = canvas.cover(shape)
    if cover is None:
        return
    shadow = soften(cover, 0.05 * canvas.camera.scale + 2, (canvas.width, canvas.height), (1, 3))
    if shadow is not None:
        canvas.shade(shadow, 0.84)


def extent(product: Product, body: Body) -> tuple[float, float, float]:
    """Return top, bottom and half-width of a product on a body, in body units."""
    if product.category == "trousers":
        leg = body.legs["left"]
        end = min(1.0, LEG_END[product.length])
        return 1.35, leg.at(end)[1] + 0.1, max(1.1, abs(leg.at(end)[0]) + 0.45)
    if product.category == "skirt":
        return 1.35, hem_height(product) + 0.25, 1.25
    top = -0.55 if product.neckline == "hood" else -0.25
    reach = 1.05
    if product.sleeve not in {"none", "strap", "sleeveless", "cap"}:
        share = {"short": 0.3, "elbow": 0.5, "three-quarter": 0.75}.get(product.sleeve, 1.0)
        reach = max(abs(body.arms[side].at(share)[0]) for side in ("left", "right")) + 0.25
    return top, max(hem_height(product) + 0.25, 2.2), reach


def wall(canvas: Canvas, rgb: Rgb, light: Light) -> None:
    """Fill the background: a wall that is a little brighter where the light comes from."""
    across = np.arange(canvas.width, dtype=np.float32) / np.float32(canvas.width) - np.float32(0.5)
    down = np.arange(canvas.height, dtype=np.float32) / np.float32(canvas.height) - np.float32(0.5)
    factor = (1 + np.float32(0.05 * light.side) * across)[None, :] - (np.float32(0.05) * down)[:, None]
    for channel, value in enumerate(rgb):
        canvas.rgb[..., channel] = np.minimum(factor * np.float32(value), np.float32(253.0))


def basic_garments(figure: str) -> tuple[Product, Product]:
    """Return a plain top and plain trousers to wear with a product; their ids are negative."""
    white, dark = COLOURS["white"], COLOURS["black"]
    common = {"second": "none", "pattern": "solid", "print": "none", "fabric": "cotton", "detail": "none", "scale": 1.0}
    top = Product(
        id=-1,
        cut="t-shirt" if figure == "man" else "tee",
        colour="white",
        sleeve="short",
        neckline="crew",
        length="regular",
        fit="regular",
        dye=white,
        second_dye=white,
        **common,  # type: ignore[arg-type]
    )
    bottom = Product(
        id=-2,
        cut="chinos",
        colour="black",
        sleeve="none",
        neckline="none",
        length="full",
        fit="slim",
        dye=dark,
        second_dye=dark,
        **common,  # type: ignore[arg-type]
    )
    return top, bottom


def with_basic_garments(product: Product, figure: str) -> tuple[Product, ...]:
    """Complete a product to something that can be worn, in painting order."""
    top, bottom = basic_garments(figure)
    if product.category == "dress":
        return (product,)
    if product.category in {"skirt", "trousers"}:
        return order((product, top))
    if product.category == "jacket":
        return order((product, top, bottom))
    return order((product, bottom))


def _render_worn(seed: int, product: Product, photo: Photo, side: int) -> Canvas:
    rng = Rng(seed, "model", product.id, photo.index)
    figure = {"women": "woman", "men": "man"}.get(product.gender) or rng.pick(("woman", "man"))
    person = replace(draw_person(rng, product.id, figure, "full"), id=product.id)
    body = Body(person.build, person.pose)
    top, bottom, half = extent(product, body)
    if product.category not in {"skirt", "trousers"}:
        # An image shows the whole head or ends at the chin, never at the eyes.
        top = -1.5 if photo.zoom > 0.91 else -0.1
    half = min(half, 1.6)
    scale = min(side / (bottom - top + 0.2), side / (2 * half + 0.2)) * min(1.0, photo.zoom + 0.06)
    middle = side * (0.5 + photo.shift[1]) - (top + bottom) / 2 * scale
    canvas = Canvas(side, side, Camera(scale, side * (0.5 + photo.shift[0]), middle))
    wall(canvas, photo.wall, photo.light)
    dress(canvas, person, Outfit(with_basic_garments(product, figure), product.id), photo.light, seed)
    _expose(canvas, photo.exposure)
    return canvas


def _expose(canvas: Canvas, factor: float) -> None:
    canvas.rgb *= np.float32(factor)


def cloth_mask(canvas: Canvas) -> NDArray[np.bool_]:
    """Where the product is seen: the pixels of which it covers at least half, bool [H, W]."""
    return canvas.target >= 0.5
