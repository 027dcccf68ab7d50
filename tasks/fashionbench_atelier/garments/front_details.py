"""The fronts of tops and jackets: plackets, zips, pockets and seams, by cut."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fashionbench_atelier.anatomy.geometry import both_sides
from fashionbench_atelier.garments import trims
from fashionbench_atelier.garments.piece import Piece
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product


class Front(NamedTuple):
    """Seams on the trunk piece and trims over it."""

    seams: list[Stroke]
    trims: list[Piece]


def front(product: Product, body: Body, hem: float) -> Front:
    """Finish the front of a top or jacket.

    :param hem: height of its hem.
    """
    buttoned = product.neckline in {"shirt collar", "band collar"}
    if product.cut == "denim jacket":
        pieces = _denim(body, hem)
    elif product.cut == "bomber jacket":
        pieces = _bomber(body, hem)
    elif product.cut == "hoodie":
        pieces = _hoodie(body)
    elif product.neckline == "lapel":
        pieces = _tailored(body, hem, rounded=product.cut == "blazer")
    elif product.neckline == "polo collar":
        pieces = _polo(body)
    elif buttoned:
        pieces = Front([*trims.front_line(body, 0.2, hem + 0.1)], trims.buttons(body, 0.36, hem - 0.15, 6))
    else:
        pieces = Front([], [])
    if product.detail == "chest pocket":
        pieces.trims.extend(trims.patch(body, 0.2, 0.68, 0.32, 0.38))
    return pieces


def back(product: Product, body: Body, hem: float) -> Front:
    """Finish the back: a yoke on shirts and denim jackets, a centre seam on tailored ones."""
    if product.cut in {"button-up shirt", "denim jacket"}:
        return Front([Stroke(body.path([(-0.9, 0.48), (0.9, 0.48)]), 0.014, -0.35)], [])
    if product.neckline == "lapel":
        return Front([Stroke(body.path([(0.0, 0.1), (0.0, hem)]), 0.014, -0.35)], [])
    return Front([], [])


def _polo(body: Body) -> Front:
    end = Stroke(body.path([(-0.07, 0.78), (0.07, 0.78)]), 0.016, -0.4)
    return Front([*trims.front_line(body, 0.18, 0.78), end], trims.buttons(body, 0.34, 0.68, 3))


def _denim(body: Body, hem: float) -> Front:
    seams = [*trims.front_line(body, 0.2, hem), Stroke(body.path([(-0.9, 0.56), (0.9, 0.56)]), 0.014, -0.35)]
    seams += [Stroke(body.path([(sign * 0.2, 0.6), (sign * 0.27, hem)]), 0.014, -0.35) for sign in (-1, 1)]
    pockets = [piece for x in (-0.56, 0.24) for piece in trims.patch(body, x, 0.62, 0.32, 0.36, flap=True)]
    return Front(seams, [*trims.buttons(body, 0.36, hem - 0.1, 6, "metal"), *pockets])


def _tailored(body: Body, hem: float, *, rounded: bool) -> Front:
    """Close below the lapels, with darts and flap pockets; a ``rounded`` front swings away at the hem."""
    edge = [(0.02, 1.2), (0.05, 1.8), (0.16 if rounded else 0.05, hem + 0.1)]
    seams = [Stroke(body.path(edge), 0.02, -0.6)]
    flaps = []
    for sign in (-1, 1):
        seams.append(Stroke(body.path([(sign * 0.4, 0.95), (sign * 0.38, 1.95)]), 0.012, -0.22))
        flaps.append([(sign * 0.28, 1.95), (sign * 0.62, 1.92), (sign * 0.62, 2.04), (sign * 0.28, 2.07)])
    return Front(
        seams, [Piece([body.path(flap)], "cloth", tone=0.97, curve=0.0, edge=0.42, cast=0.2) for flap in flaps]
    )


def _bomber(body: Body, hem: float) -> Front:
    pockets = [Stroke(body.path([(sign * 0.62, 1.45), (sign * 0.48, 1.85)]), 0.025, -0.55) for sign in (-1, 1)]
    return Front(pockets, [trims.zip_line(body, 0.22, hem - 0.02)])


def _hoodie(body: Body) -> Front:
    pouch = both_sides([(0.0, 1.52), (0.3, 1.52), (0.5, 1.85), (0.5, 2.1), (0.0, 2.12)])
    return Front([], [Piece([body.path(pouch)], "plain", tone=0.98, curve=0.05, edge=0.4, cast=0.15)])
