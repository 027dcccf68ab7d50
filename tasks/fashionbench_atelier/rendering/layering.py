"""Dress a person: skin, garments, forearms, sleeves and head, painted from back to front."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy import labels
from fashionbench_atelier.anatomy.body import Body
from fashionbench_atelier.anatomy.figure import paint_back_of_body, paint_forearms
from fashionbench_atelier.anatomy.head import Head, paint_behind, paint_head
from fashionbench_atelier.garments.assemble import assemble
from fashionbench_atelier.rendering.shading import draw_pieces
from fashionbench_atelier.world.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from fashionbench_atelier.garments.piece import GarmentPieces, Piece
    from fashionbench_atelier.rendering.canvas import Canvas
    from fashionbench_atelier.rendering.cloth_relief import Light
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.person import Person


@dataclass(frozen=True, slots=True)
class Outfit:
    """What somebody wears, from the skin outwards; ``target`` is the product that the task is about, or None."""

    garments: tuple[Product, ...]
    target: int | None = None


def dress(canvas: Canvas, person: Person, outfit: Outfit, light: Light, seed: int) -> None:
    """Paint a person in an outfit on a canvas that holds the background.

    How a garment folds depends on the seed, the person and the garment, not on what else is worn, so that two images
    of one person in two garments differ in nothing but the garments.
    """
    body = Body(person.build, person.pose)
    head = Head(person, body)
    worn = []
    for product in outfit.garments:
        rng = Rng(seed, "folds", person.id, product.id)
        worn.append((product, assemble(product, body, rng), rng.grid(5, 5)))

    def put_on(product: Product, pieces: Iterable[Piece], noise: NDArray[np.float32]) -> None:
        label = labels.GARMENT[product.category]
        draw_pieces(canvas, pieces, product, light, noise, label=label, target=product.id == outfit.target)

    paint_behind(canvas, head)
    for product, assembled, noise in worn:
        if product.neckline == "hood":
            put_on(product, _outside(assembled), noise)
    paint_back_of_body(canvas, person, body)
    for product, assembled, noise in worn:
        if product.neckline != "hood":
            put_on(product, _outside(assembled), noise)
        put_on(product, assembled.front, noise)
    paint_forearms(canvas, person, body)
    covered = any(product.category == "jacket" for product in outfit.garments)
    for product, assembled, noise in worn:
        if covered and product.category != "jacket":
            continue
        for pieces in assembled.arms.values():
            put_on(product, pieces, noise)
    paint_head(canvas, head)


def _outside(assembled: GarmentPieces) -> list[Piece]:
    """Select what is seen behind a neck that somebody fills: straps and hood, but not the inside."""
    return [piece for piece in assembled.behind if piece.dye not in {"inside", "thread"}]


def order(garments: Sequence[Product]) -> tuple[Product, ...]:
    """Sort garments from the skin outwards: skirts and trousers, then tops and dresses, then jackets."""
    rank = {"skirt": 0, "trousers": 0, "dress": 1, "shirt": 1, "toptee": 1, "jacket": 2}
    return tuple(sorted(garments, key=lambda product: rank[product.category]))
