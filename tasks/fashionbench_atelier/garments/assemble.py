"""Assemble a garment: the pieces of a product, placed on a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import SIDES
from fashionbench_atelier.anatomy.geometry import both_sides, spline
from fashionbench_atelier.garments import bodice, trims
from fashionbench_atelier.garments.measures import SLEEVE_END
from fashionbench_atelier.garments.piece import GarmentPieces, Piece
from fashionbench_atelier.garments.skirts import dress, skirt
from fashionbench_atelier.garments.tops import hood, sleeve, top
from fashionbench_atelier.garments.trousers import trousers

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng


def assemble(product: Product, body: Body, rng: Rng, *, back: bool = False) -> GarmentPieces:
    """Place the pieces of a product on a body.

    :param rng: where the folds fall; the same product may fold differently in another photo.
    :param back: show it from behind, which leaves out what is only at the front.
    """
    if product.category == "trousers":
        return trousers(product, body, rng, back=back)
    if product.category == "skirt":
        return GarmentPieces(front=skirt(product, body, rng, back=back))
    assembled = GarmentPieces()
    if not back:
        assembled.behind += bodice.inside_back(product, body)
        if product.neckline == "hood":
            assembled.behind += hood(body)
    if product.sleeve == "strap":
        assembled.behind += bodice.straps(body)
    main = dress(product, body, rng, back=back) if product.category == "dress" else top(product, body, rng, back=back)
    assembled.front += main
    if not back:
        assembled.front += bodice.printed(product, body)
        assembled.front += trims.collar(product, body)
    elif product.neckline == "hood":
        assembled.front += [
            Piece(
                [body.path(both_sides(spline([(0.0, -0.2), (0.3, -0.12), (0.42, 0.1), (0.3, 0.5), (0.0, 0.66)], 5)))],
                "plain",
                cast=0.3,
            )
        ]
    elif product.neckline.endswith("collar") or product.neckline in {"lapel", "turtle"}:
        assembled.front += [
            Piece(
                [body.path(both_sides([(0.0, -0.13), (0.24, -0.13), (0.33, 0.02), (0.0, 0.12)]))],
                "plain",
                cast=0.2,
                edge=0.4,
            )
        ]
    if product.sleeve in SLEEVE_END:
        assembled.arms = {side: sleeve(product, body, rng, side) for side in SIDES}
    return assembled
