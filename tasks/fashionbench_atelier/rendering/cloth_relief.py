"""How cloth lies: where each pixel is on its piece, and how folds, pleats, ribs and weave catch the light there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import Image

from fashionbench_atelier.anatomy.geometry import limb_field
from fashionbench_atelier.rendering.fabric import GLOSS, sample, wave, weave

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fashionbench_atelier.garments.piece import Piece
    from fashionbench_atelier.rendering.canvas import Canvas, Cover

    Plane = NDArray[np.float32]


_SHINY, _SPARK = 0.8, np.float32(0.03)
"""Gloss from which a fabric sparkles, and the relief from which it does."""


@dataclass(frozen=True, slots=True)
class Light:
    """Where the light comes from and how hard it is.

    :param side: from the left of the image (-1) to the right (1).
    :param relief: strength of folds and shading, about 0.8–1.2.
    """

    side: float = -0.4
    relief: float = 1.0


class ClothCoordinates(NamedTuple):
    """Where the pixels of a piece are on its cloth, each float32 [h, w].

    ``across`` and ``along`` are in body units, from the centre line and from the top; ``share`` is the place between
    the edges, from -1 to 1.
    """

    across: Plane
    along: Plane
    share: Plane


def cloth_coordinates(canvas: Canvas, cover: Cover, piece: Piece) -> ClothCoordinates:
    """Lay a piece around its limb, or let it hang."""
    x, y = canvas.units(cover)
    if piece.limb is None:
        across, share = _hanging(cover, x)
        return ClothCoordinates(across, np.broadcast_to(y, cover.alpha.shape), share)
    across, along = limb_field(piece.limb, x, y)
    widest = max(1e-3, float(np.abs(across[cover.alpha > 0.5]).max(initial=0.0)))
    return ClothCoordinates(across, along, np.clip(across * np.float32(1 / widest), -1, 1))


def relief(
    canvas: Canvas, cover: Cover, piece: Piece, place: ClothCoordinates, fabric: str, light: Light, noise: Plane
) -> tuple[Plane, Plane]:
    """Compute how much light each pixel gets and how far the pattern is drawn aside by folds.

    :returns: the relief (0 as dyed, below it darker, above it lighter) and the sway in body units, both float32 [h, w].
    """
    gloss, share, strength = GLOSS[fabric], place.share, light.relief
    uneven = _uneven(noise, cover.alpha.shape)
    turned = share * share
    height = uneven * np.float32(0.05) - np.float32(piece.curve * strength) * turned * turned
    height += np.float32(0.06 * light.side * strength) * share
    sway = np.zeros_like(height)
    if piece.folds:
        folds = canvas.strokes(piece.folds, cover, 0.03)
        height += np.float32((0.34 + 0.16 * gloss) * strength) * folds
        sway += np.float32(0.05) * folds
    if piece.pleats:
        grown = np.clip((place.along - np.float32(piece.pleat_top)) * np.float32(0.7), 0, 1)
        phase = share * np.float32(piece.pleats / 2) + noise[0, 0] + np.float32(0.05) * uneven
        drape = np.abs((phase % 1) * 2 - 1) * 2 - 1 if piece.sharp else wave(phase)
        drape = drape * grown
        height += np.float32((0.09 + 0.08 * gloss) * strength * (1.25 if piece.sharp else 1.0)) * drape
        sway += np.float32(0.03) * drape
    if piece.rib:
        height += np.float32(0.07) * wave(place.across * np.float32(piece.rib))
    if gloss > _SHINY:
        height = np.where(height > _SPARK, height * np.float32(1.7), height)
    height += np.float32(piece.tone - 1.0)
    if not piece.rib and piece.dye in {"cloth", "plain", "second"}:
        height += _woven(fabric, place)
    return height, sway


def _hanging(cover: Cover, x: Plane) -> tuple[Plane, Plane]:
    """Distance from the centre line of a hanging piece, in body units, and the same as a share of its half-width."""
    solid = cover.alpha >= 0.5
    some = solid.any(axis=1)
    columns = solid.shape[1]
    first = np.where(some, solid.argmax(axis=1), 0)
    last = np.where(some, columns - 1 - solid[:, ::-1].argmax(axis=1), columns - 1)
    step = x[0, 1] - x[0, 0] if columns > 1 else np.float32(1.0)
    # Whole pixels would make upright stripes jagged, so the two edges are smoothed down the rows.
    left, right = _smooth(first), _smooth(last)
    middle = (x[0, 0] + (left + right) * (step / 2))[:, None]
    half = np.maximum((right - left) * (step / 2), step)[:, None]
    share = np.clip((x - middle) / half, -1, 1).astype(np.float32)
    typical = np.float32(np.median(half[some])) if some.any() else np.float32(1.0)
    # Half of a change in width is taken up by the pattern fanning out, the rest by more or fewer repeats.
    fanned = share * (half * np.float32(0.5) + typical * np.float32(0.5))
    return (fanned * (1 + np.float32(0.1) * share * share)).astype(np.float32), share


def _smooth(values: NDArray[np.intp], reach: int = 5) -> Plane:
    ends = np.full(reach + 1, values[0]), values, np.full(reach, values[-1])
    total = np.cumsum(np.concatenate(ends))
    width = 2 * reach + 1
    smooth: Plane = ((total[width:] - total[:-width]) * (1 / width)).astype(np.float32)
    return smooth


def _uneven(noise: Plane, shape: tuple[int, ...]) -> Plane:
    image = Image.fromarray((noise * 255).astype(np.uint8)).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.float32) * np.float32(1 / 255) - np.float32(0.5)


def _woven(fabric: str, place: ClothCoordinates) -> Plane | np.float32:
    tile = weave(fabric)
    return np.float32(0.0) if tile.size == 1 else sample(tile, place.across, place.along)
