"""Shirts, tops and jackets: the trunk, the sleeves and the hood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import HIP, WAIST
from fashionbench_atelier.anatomy.geometry import both_sides, spline
from fashionbench_atelier.garments import bodice, front_details, trims
from fashionbench_atelier.garments.measures import SLEEVE_END, ease, hem_height
from fashionbench_atelier.garments.piece import Piece
from fashionbench_atelier.garments.skirts import hem_trim
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng

_RIBBED = frozenset({"sweater", "bomber jacket", "hoodie"})
_FLARE = {"coat": 0.12, "camisole": 0.1}


def top(product: Product, body: Body, rng: Rng, *, back: bool) -> list[Piece]:
    """Cut the trunk of a top or jacket with its hem, front and belt."""
    hem, ribbed, tail = hem_height(product), product.cut in _RIBBED, product.cut == "button-up shirt"
    width = bodice.side_width(product, body, min(hem, HIP)) + _FLARE.get(product.cut, 0.0) - (0.05 if ribbed else 0.0)
    seam = bodice.side_seam(product, body, hem, width)
    if tail:
        seam = [*seam[:-1], (width, hem - 0.2)]
        edge = spline([(width, hem - 0.2), (width * 0.82, hem - 0.06), (width * 0.45, hem + 0.08), (0.0, hem + 0.1)], 4)
    else:
        edge = bodice.hem_curve(width, hem, 0.05)
    finish = (front_details.back if back else front_details.front)(product, body, hem)
    seams = finish.seams
    if not ribbed and not tail:
        seams.append(Stroke(body.path([(-width, hem - 0.07), (0.0, hem - 0.02), (width, hem - 0.07)]), 0.012, -0.25))
    flowing = product.cut in {"camisole", "blouse"} and product.fit != "slim"
    pieces = [
        Piece(
            [body.path(both_sides([*bodice.upper_edge(product, body, back=back), *seam, *edge]))],
            folds=bodice.trunk_folds(rng, product, body, hem),
            seams=tuple(seams),
            pleats=5.0 if flowing else 0.0,
            pleat_top=1.0,
        )
    ]
    if ribbed:
        pieces.append(trims.hem_band(body, width + 0.01, hem + 0.01, 0.17, rib=10.0))
    pieces += hem_trim(product, body, width, hem)
    pieces += finish.trims
    if product.detail == "belt":
        around = bodice.side_width(product, body, WAIST) + 0.02
        pieces += trims.belt(body, around, dye="plain", closed="plain" if back else "bow")
    return pieces


def sleeve(product: Product, body: Body, rng: Rng, side: str) -> list[Piece]:
    """Cut a sleeve with its cuff or hem."""
    end = SLEEVE_END[product.sleeve]
    room = ease(product) * 0.55 + 0.02
    gathered = product.cut in {*_RIBBED, "button-up shirt", "denim jacket"} or (
        product.cut in {"blouse", "shirt dress"} and product.sleeve == "long"
    )
    banded = gathered and end > SLEEVE_END["cap"]
    opening = 0.03 if end < SLEEVE_END["three-quarter"] else 0.015
    cuff = room * 0.5 + 0.02 if gathered or product.fit == "slim" else room + opening
    arm = body.arms[side]
    hem: tuple[Stroke, ...] = ()
    if not gathered and end > SLEEVE_END["cap"]:
        hem = (Stroke([arm.side(end - 0.03, -0.2 - cuff), arm.side(end - 0.03, 0.2 + cuff)], 0.012, -0.25),)
    full = cuff + 0.045 if gathered and product.sleeve == "long" else cuff
    pieces = [
        Piece(
            bodice.sleeve_shape(product, body, side, room, end - 0.07 if banded else end, full),
            limb=arm,
            folds=bodice.sleeve_folds(rng, body, side, end, room),
            seams=hem,
            curve=0.28,
            cast=0.25,
        )
    ]
    if banded:
        pieces.append(bodice.cuff_piece(product, body, side, end, cuff, rib=11.0 if product.cut in _RIBBED else 0.0))
    elif product.detail == "contrast trim" or product.neckline == "polo collar":
        pieces.append(bodice.cuff_piece(product, body, side, end, cuff))
    return pieces


def hood(body: Body) -> list[Piece]:
    """Cut a hood that lies down behind the neck, with its dark inside."""
    outer = both_sides(spline([(0.0, -0.5), (0.36, -0.44), (0.53, -0.16), (0.5, 0.14), (0.3, 0.3), (0.0, 0.36)], 5))
    inner = both_sides(spline([(0.0, -0.38), (0.25, -0.32), (0.34, -0.12), (0.22, 0.12), (0.0, 0.26)], 5))
    return [Piece([body.path(outer)], "plain", tone=0.95), Piece([body.path(inner)], "inside", tone=0.6, edge=0.2)]
