"""Paint the pieces of a garment: dye, pattern, weave, folds, shade and seams."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench_atelier.garments.measures import block_height
from fashionbench_atelier.rendering.canvas import rim, soften
from fashionbench_atelier.rendering.cloth_relief import cloth_coordinates, relief
from fashionbench_atelier.rendering.fabric import DENSITY, repeat, sample
from fashionbench_atelier.world.palette import luminance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fashionbench_atelier.garments.piece import Piece
    from fashionbench_atelier.rendering.canvas import Canvas, Cover
    from fashionbench_atelier.rendering.cloth_relief import Light
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.palette import Rgb

    Plane = NDArray[np.float32]
    Dye = tuple[np.float32, np.float32, np.float32]

_METAL, _THREAD, _GREY_THREAD, _LEATHER = (188, 184, 176), (236, 232, 222), (168, 164, 158), (74, 48, 34)
_JEANS_THREAD = np.array((206, 146, 84), dtype=np.float32)
_DARK = 60.0
"""Luma below which a dye counts as dark."""


def draw_pieces(
    canvas: Canvas, pieces: Iterable[Piece], product: Product, light: Light, noise: Plane, *, label: int, target: bool
) -> None:
    """Paint pieces one over the other.

    :param noise: a small grid of numbers in [0, 1) that unevens the cloth, float32 [rows, columns].
    :param label: what their pixels show.
    :param target: whether the garment is the one that the task is about.
    """
    for piece in pieces:
        cover = canvas.cover(piece.shape)
        if cover is None:
            continue
        if piece.dye == "none":
            _stitch_only(canvas, cover, piece, product)
            continue
        if piece.cast:
            _cast(canvas, cover, piece.cast)
        _paint(canvas, cover, piece, product, light, noise, label=label, target=target)


def _cast(canvas: Canvas, cover: Cover, strength: float) -> None:
    radius = 0.035 * canvas.camera.scale
    step = max(1, round(0.04 * canvas.camera.scale))
    shadow = soften(cover, max(0.6, radius), (canvas.width, canvas.height), (0, step))
    if shadow is not None:
        # A shadow falls on what has been painted of the person or the garment, not on the wall far behind.
        shadow.alpha[...] *= np.minimum(1, canvas.labels[shadow.box])
        canvas.shade(shadow, 1 - 0.55 * strength)


def _paint(
    canvas: Canvas,
    cover: Cover,
    piece: Piece,
    product: Product,
    light: Light,
    noise: Plane,
    *,
    label: int,
    target: bool,
) -> None:
    place = cloth_coordinates(canvas, cover, piece)
    height, sway = relief(canvas, cover, piece, place, product.fabric, light, noise)
    dark = luminance(product.dye) < _DARK
    # Dark cloth shows its folds as lighter places, because it cannot get much darker.
    gain, lift = np.minimum(1 + height, 1), np.maximum(height, 0) * np.float32(110.0 if dark else 62.0)
    if piece.edge:
        edge = rim(cover.alpha) * np.float32(piece.edge)
        gain, lift = _inked(gain, lift, edge * np.float32(34 / 70 if dark else 8 / 9), dark=dark)
    thread = None
    if piece.seams:
        depth = -np.minimum(canvas.strokes(piece.seams, cover, 0.0), 0)
        if product.fabric == "denim":
            thread = depth * np.float32(1.1)
        else:
            gain, lift = _inked(gain, lift, depth, dark=dark)
    main, second, share = _dyed(piece, product, place.across + sway, place.along)
    colour = np.empty((*cover.alpha.shape, 3), dtype=np.float32)
    for channel in range(3):
        base = main[channel] if share is None else main[channel] + share * (second[channel] - main[channel])
        colour[..., channel] = base * gain + lift
    if thread is not None:
        colour += thread[..., None] * (_JEANS_THREAD - colour)
    canvas.lay(cover, colour, label=label, target=target)


def _inked(gain: Plane, lift: Plane, depth: Plane, *, dark: bool) -> tuple[Plane, Plane]:
    """Draw lines into the light that falls on a piece: dark ones, or pale ones on dark cloth."""
    if dark:
        return gain, lift + depth * np.float32(70.0)
    remaining = 1 - depth * np.float32(0.9)
    return gain * remaining, lift * remaining


def _dyed(piece: Piece, product: Product, across: Plane, along: Plane) -> tuple[Dye, Dye, Plane | None]:
    """Return main dye, second dye, and how much of the second each pixel has; None where there is only one."""
    main, second = _dye(product.dye), _dye(product.second_dye)
    named = {"metal": _METAL, "thread": _THREAD if luminance(product.dye) < 190 else _GREY_THREAD, "leather": _LEATHER}
    if piece.dye in named:
        return _dye(named[piece.dye]), second, None
    if piece.dye == "second":
        return second, second, None
    if piece.dye != "cloth" or product.pattern == "solid":
        return main, second, None
    if product.pattern == "colour block":
        if piece.limb is not None and product.category != "trousers":
            return main, second, None
        return main, second, np.clip((along - np.float32(block_height(product))) * np.float32(DENSITY), 0, 1)
    return main, second, sample(repeat(product.pattern, round(product.scale, 2)), across, along)


def _dye(rgb: Rgb) -> Dye:
    return np.float32(rgb[0]), np.float32(rgb[1]), np.float32(rgb[2])


def _stitch_only(canvas: Canvas, cover: Cover, piece: Piece, product: Product) -> None:
    depth = (-np.minimum(canvas.strokes(piece.seams, cover, 0.0), 0) * cover.alpha)[..., None]
    under = canvas.rgb[cover.box]
    if product.fabric == "denim":
        under += depth * np.float32(1.1) * (_JEANS_THREAD - under)
    elif luminance(product.dye) < _DARK:
        under += depth * np.float32(70.0)
    else:
        under *= 1 - depth * np.float32(0.9)
