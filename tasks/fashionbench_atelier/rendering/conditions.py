"""What a try-on or design model is given: agnostic mask and image, agnostic parse map, and the garment's sketch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.anatomy.body import ANKLE, CROTCH, HIP, WAIST, Body
from fashionbench_atelier.anatomy.figure import hand
from fashionbench_atelier.anatomy.geometry import both_sides
from fashionbench_atelier.garments.assemble import assemble
from fashionbench_atelier.rendering.canvas import Canvas, rim

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.anatomy.geometry import Shape
    from fashionbench_atelier.rendering.canvas import Camera
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.person import Person
    from fashionbench_atelier.world.rng import Rng

GREY = 128
"""Value that the agnostic image has where the garment was."""

REGIONS = {
    "shirt": "upper",
    "toptee": "upper",
    "jacket": "upper",
    "skirt": "lower",
    "trousers": "lower",
    "dress": "dress",
}
"""Category of the target garment to the region that has to be repainted."""


def garment_mask(canvas: Canvas) -> NDArray[np.bool_]:
    """Mark every pixel in which anything of the target garment is seen: bool [H, W]."""
    return canvas.target > 0.5 / 255


def agnostic_mask(canvas: Canvas, person: Person, region: str) -> NDArray[np.bool_]:
    """Mark what a model has to repaint: bool [H, W].

    The outline comes from the body and its pose with generous ease, so it does not give away sleeve, hem or fit of the
    garment that was worn; only where the garment itself reaches beyond (a wide skirt) is the mask widened to cover it.
    Face, hair, hands, shoes, and the other garment outside the region stay visible.

    :param region: ``upper``, ``lower`` or ``dress``.
    """
    body = Body(person.build, person.pose)
    shape: Shape = []
    if region in {"upper", "dress"}:
        build = body.build
        right = [
            (0.0, -0.08),
            (0.3, -0.12),
            (build.shoulder + 0.06, 0.12),
            (build.chest + 0.3, 0.8),
            (build.hip + 0.26, HIP),
        ]
        shape.append(body.path(both_sides([*right, (build.hip + 0.26, CROTCH), (0.0, CROTCH)])))
        for arm in body.arms.values():
            shape += arm.sleeve(0.0, 1.0, (0.14, 0.16, 0.14))
    if region in {"lower", "dress"}:
        hips = body.build.hip + 0.28
        right = [
            (0.0, WAIST - 0.1),
            (body.build.waist + 0.2, WAIST - 0.1),
            (hips, HIP),
            (hips + 0.2, 4.0),
            (hips + 0.05, ANKLE),
        ]
        shape.append(body.path(both_sides([*right, (0.0, ANKLE)])))
    mask = _filled(canvas, shape)
    hands = _filled(canvas, [path for side in ("right", "left") for path in hand(body, side)])
    seen_hands = hands & np.isin(canvas.labels, (labels.LEFT_ARM, labels.RIGHT_ARM))
    visible_labels = [labels.FACE, labels.HAIR, labels.LEFT_SHOE, labels.RIGHT_SHOE]
    mask &= ~np.isin(canvas.labels, visible_labels) & ~seen_hands
    return mask | garment_mask(canvas)


def agnostic_image(canvas: Canvas, mask: NDArray[np.bool_]) -> Image.Image:
    """Grey out what the mask marks."""
    pixels = np.asarray(canvas.image()).copy()
    pixels[mask] = GREY
    return Image.fromarray(pixels)


def agnostic_parse(canvas: Canvas, mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the parse map with background where the mask marks: uint8 [H, W]."""
    return np.where(mask, np.uint8(labels.BACKGROUND), canvas.labels)


def sketch(
    product: Product,
    body: Body,
    camera: Camera,
    width: int,
    height: int,
    rng: Rng,
    *,
    seen: NDArray[np.float32] | None = None,
) -> Image.Image:
    """Draw a garment in dark lines on white: outlines and seams, no colour, no pattern, no folds.

    :param rng: as for the garment that is sketched.
    :param seen: share of each pixel in which the worn garment is seen, float32 [H, W]; lines elsewhere are left out.
    """
    canvas = Canvas(width, height, camera)
    canvas.rgb[...] = 255.0
    assembled = assemble(product, body, rng)
    groups = [assembled.front, *assembled.arms.values()]
    if seen is None:
        groups.insert(0, assembled.behind)
    for piece in (piece for group in groups for piece in group):
        cover = canvas.cover(piece.shape)
        if cover is None:
            continue
        ink = np.minimum(1, rim(cover.alpha) * np.float32(1.6)) if piece.edge else np.zeros_like(cover.alpha)
        if piece.seams:
            ink = np.maximum(ink, -1.6 * np.minimum(canvas.strokes(piece.seams, cover, 0.0), 0))
        ink = np.minimum(ink, 1)[..., None]
        paper = canvas.rgb[cover.box] if piece.dye == "none" else np.float32(255.0)
        canvas.lay(cover, paper * (1 - ink) + np.float32(40.0) * ink)
    grey = canvas.rgb[..., 0]
    if seen is not None:
        grey = 255 - (255 - grey) * np.minimum(1, _grown(seen))
    return Image.fromarray((grey + np.float32(0.5)).astype(np.uint8))


def _filled(canvas: Canvas, shape: Shape) -> NDArray[np.bool_]:
    out = np.zeros((canvas.height, canvas.width), dtype=bool)
    cover = canvas.cover(shape)
    if cover is not None:
        out[cover.box] = cover.alpha >= 0.5
    return out


def _grown(seen: NDArray[np.float32]) -> NDArray[np.float32]:
    image = Image.fromarray((seen * 255).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255)
