"""Collars, plackets, buttons, pockets, belts and seams."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import WAIST
from fashionbench_atelier.anatomy.geometry import Path, both_sides, disc, mirror, spline
from fashionbench_atelier.garments.piece import Piece
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product

Pieces = list[Piece]


def pair(body: Body, right: Path, dye: str = "plain", **options: float) -> Pieces:
    """Make a piece and its mirror image."""
    return [Piece([body.path(path)], dye, **options) for path in (right, mirror(right))]  # type: ignore[arg-type]


def collar(product: Product, body: Body) -> Pieces:
    """Cut what stands or lies around the neck."""
    name, dye = product.neckline, "second" if product.detail == "contrast trim" else "plain"
    if name in {"shirt collar", "polo collar"}:
        reach = 0.34 if name == "shirt collar" else 0.27
        leaf = [(0.235, -0.17), (0.33, -0.11), (0.42, 0.03), (0.33, reach), (0.02, 0.16), (0.12, 0.06), (0.2, -0.05)]
        stand = both_sides([(0.0, 0.16), (0.12, 0.1), (0.24, -0.08), (0.24, 0.0), (0.14, 0.2), (0.0, 0.24)])
        return [
            Piece([body.path(stand)], dye, tone=0.86, edge=0.3),
            *pair(body, leaf, dye, tone=1.02, cast=0.35, curve=0.0),
        ]
    if name == "band collar":
        rib = 10.0 if product.cut == "bomber jacket" else 0.0
        band = [
            *spline([(0.0, 0.17), (0.17, 0.1), (0.28, -0.13)], 4),
            *spline([(0.31, -0.03), (0.22, 0.18), (0.0, 0.27)], 4),
        ]
        return [Piece([body.path(both_sides(band))], dye, tone=0.95, rib=rib, cast=0.2)]
    if name == "turtle":
        tube = [(0.0, -0.13), (0.2, -0.15), (0.275, -0.19), (0.29, -0.02), (0.36, 0.03), (0.24, 0.14), (0.0, 0.19)]
        fold = Stroke(body.path([(-0.28, -0.02), (0.0, 0.04), (0.28, -0.02)]), 0.02, -0.5)
        return [Piece([body.path(both_sides(tube))], dye, rib=11.0, seams=(fold,), curve=0.35, cast=0.3)]
    if name == "hood":
        flap = spline([(0.3, -0.16), (0.47, -0.1), (0.52, 0.08), (0.36, 0.3), (0.03, 0.4), (0.1, 0.26), (0.27, 0.1)], 4)
        cords = []
        for sign in (-1.0, 1.0):
            line = spline([(sign * 0.12, 0.36), (sign * 0.15, 0.62), (sign * 0.13, 0.85)], 4)
            cords.append([*[(x - 0.018, y) for x, y in line], *[(x + 0.018, y) for x, y in reversed(line)]])
        return [
            *pair(body, flap, dye, tone=1.03, cast=0.35),
            *[Piece([body.path(cord)], "thread", curve=0, edge=0.35, cast=0.25) for cord in cords],
        ]
    if name == "lapel":
        return _lapels(product, body)
    if name in {"crew", "scoop", "boat", "v"} and product.cut in {"t-shirt", "tee", "tank top", "sweater"}:
        return [_neck_band(product, body, dye)]
    return []


def _neck_band(product: Product, body: Body, dye: str) -> Piece:
    from fashionbench_atelier.garments.bodice import neck_edge  # noqa: PLC0415

    edge = neck_edge(product, body)
    wide = 0.085 if product.cut == "sweater" else 0.055
    out = []
    for index, (x, y) in enumerate(edge):
        (ax, ay), (bx, by) = edge[max(0, index - 1)], edge[min(len(edge) - 1, index + 1)]
        size = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5 or 1.0
        out.append((max(0.0, x - wide * (by - ay) / size * -1.0), y + wide * (bx - ax) / size))
    out[0] = (0.0, edge[0][1] + wide * (1.35 if product.neckline == "v" else 1.0))
    return Piece([body.path(both_sides([*edge, *reversed(out)]))], dye, tone=0.95, rib=12.0, edge=0.35, curve=0.0)


def _lapels(product: Product, body: Body) -> Pieces:
    depth = 1.2
    leaf = [
        (0.22, -0.02),
        (0.42, 0.16),
        (0.35, 0.24),
        (0.5, 0.3),
        (0.46, 0.52),
        (0.25, 0.9),
        (-0.02, depth),
        (0.16, 0.5),
    ]
    top = [(0.2, -0.2), (0.32, -0.14), (0.44, 0.04), (0.36, 0.23), (0.24, 0.06)]
    low = 2.0 if product.cut == "coat" else 1.72
    across = 0.2 if product.cut == "coat" else 0.0
    rows = (1.3, 1.65, low) if product.cut == "coat" else (1.3, low)
    buttons = [disc((sign * across, y), 0.05, count=14) for y in rows for sign in ((-1, 1) if across else (1,))]
    return [
        *pair(body, leaf, tone=1.0, cast=0.4, curve=0.0, edge=0.45),
        *pair(body, top, tone=0.94, cast=0.3, curve=0.0, edge=0.4),
        Piece([body.path(button) for button in buttons], "leather", curve=0.0, edge=0.4),
    ]


def front_line(
    body: Body, top: float, bottom: float, *, offset: float = 0.07, value: float = -0.4
) -> tuple[Stroke, ...]:
    """Mark the two edges of a placket."""
    return tuple(
        Stroke(body.path([(x, top), (x, (top + bottom) / 2), (x, bottom)]), 0.016, value) for x in (-offset, offset)
    )


def buttons(body: Body, top: float, bottom: float, count: int, dye: str = "thread") -> Pieces:
    """Place a row of buttons down the centre front."""
    gap = (bottom - top) / max(1, count - 1)
    row = [body.path(disc((0.0, top + gap * k), 0.034, count=12)) for k in range(count)]
    return [Piece(row, dye, curve=0.0, edge=0.5)]


def zip_line(body: Body, top: float, bottom: float) -> Piece:
    """Close the front with a metal zip."""
    teeth = Stroke(body.path([(0.0, top), (0.0, bottom)]), 0.02, -0.5, dash=0.02)
    bar = [(-0.03, top), (0.03, top), (0.03, bottom), (-0.03, bottom)]
    return Piece([body.path(bar)], "metal", curve=0.0, seams=(teeth,), edge=0.3)


def patch(
    body: Body, x: float, y: float, width: float, height: float, *, flap: bool = False, point: bool = True
) -> Pieces:
    """Sew on a pocket with its corner at (x, y)."""
    low = y + height
    outline = [
        (x, y),
        (x + width, y),
        (x + width, low - 0.06),
        (x + width / 2, low if point else low - 0.04),
        (x, low - 0.06),
    ]
    hem = Stroke(body.path([(x, y + 0.06), (x + width, y + 0.06)]), 0.012, -0.35)
    out = [Piece([body.path(outline)], "cloth", tone=0.985, curve=0.0, seams=(hem,), edge=0.42, cast=0.12)]
    if flap:
        cover = [
            (x - 0.01, y - 0.01),
            (x + width + 0.01, y - 0.01),
            (x + width + 0.01, y + 0.09),
            (x + width / 2, y + 0.15),
            (x - 0.01, y + 0.09),
        ]
        out.append(Piece([body.path(cover)], "plain", tone=1.0, curve=0.0, edge=0.42, cast=0.2))
    return out


def belt(body: Body, width: float, *, y: float = WAIST, dye: str = "leather", closed: str = "buckle") -> Pieces:
    """Put a belt around the waist, closed with a ``buckle``, tied in a ``bow``, or seen from behind (``plain``)."""
    band = both_sides([(0.0, y - 0.035), (width, y - 0.055), (width, y + 0.055), (0.0, y + 0.075)])
    out = [Piece([body.path(band)], dye, curve=0.25, edge=0.4, cast=0.25, tone=1.0 if closed == "buckle" else 0.92)]
    if closed == "plain":
        return out
    if closed == "bow":
        knot = disc((-0.3, y + 0.02), 0.075, 0.085)
        ends = [
            spline(
                [
                    (-0.3, y + 0.05),
                    (-0.38, y + 0.4),
                    (-0.46, y + 0.72),
                    (-0.36, y + 0.74),
                    (-0.3, y + 0.42),
                    (-0.24, y + 0.06),
                ],
                4,
            ),
            spline(
                [
                    (-0.3, y + 0.05),
                    (-0.27, y + 0.35),
                    (-0.27, y + 0.6),
                    (-0.17, y + 0.6),
                    (-0.19, y + 0.33),
                    (-0.26, y + 0.05),
                ],
                4,
            ),
        ]
        out += [Piece([body.path(end)], dye, tone=0.9, edge=0.4, cast=0.3) for end in ends]
        out.append(Piece([body.path(knot)], dye, tone=0.95, edge=0.4, cast=0.2))
        return out
    frame = [(-0.09, y - 0.07), (0.09, y - 0.07), (0.09, y + 0.11), (-0.09, y + 0.11)]
    hole = [(-0.05, y - 0.02), (0.05, y - 0.02), (0.05, y + 0.06), (-0.05, y + 0.06)]
    return [
        *out,
        Piece([body.path(frame)], "metal", curve=0.0, edge=0.4),
        Piece([body.path(hole)], dye, curve=0.0, tone=0.9),
    ]


def hem_band(body: Body, width: float, hem: float, height: float, dye: str = "plain", *, rib: float = 0.0) -> Piece:
    """Finish a hem with a band."""
    band = both_sides(
        [(0.0, hem - height + 0.035), (width, hem - height), (width - 0.01 * (rib > 0), hem), (0.0, hem + 0.045)]
    )
    return Piece([body.path(band)], dye, rib=rib, tone=0.96, edge=0.35)


def fly(body: Body) -> tuple[Stroke, ...]:
    """Mark waistband, fly and slanted pockets of trousers."""
    width = body.half_width(1.7)
    pockets = [[(s * width * 0.62, 1.6), (s * width * 0.8, 1.85), (s * (width + 0.12), 1.98)] for s in (-1, 1)]
    return (
        Stroke(body.path([(0.0, 1.6), (0.0, 2.38)]), 0.016, -0.5),
        Stroke(body.path(spline([(0.13, 1.6), (0.13, 2.0), (0.0, 2.25)], 4)), 0.013, -0.35, dash=0.03),
        *[Stroke(body.path(spline(pocket, 4)), 0.016, -0.5) for pocket in pockets],
    )


def waistband(body: Body, width: float, *, button: bool = True, elastic: bool = False) -> Pieces:
    """Finish the top of a skirt or trousers."""
    band = both_sides([(0.0, WAIST + 0.02), (width, WAIST - 0.02), (width + 0.015, WAIST + 0.1), (0.0, WAIST + 0.14)])
    out = [Piece([body.path(band)], "plain", tone=0.96, edge=0.4, rib=9.0 if elastic else 0.0)]
    if button:
        out.append(Piece([body.path(disc((0.0, WAIST + 0.08), 0.035, count=12))], "metal", curve=0.0, edge=0.5))
    if elastic:
        for sign in (-1.0, 1.0):
            cord = spline([(sign * 0.03, WAIST + 0.1), (sign * 0.08, WAIST + 0.35), (sign * 0.06, WAIST + 0.55)], 4)
            line = [*[(x - 0.016, y) for x, y in cord], *[(x + 0.016, y) for x, y in reversed(cord)]]
            out.append(Piece([body.path(line)], "thread", curve=0.0, edge=0.4, cast=0.2))
    return out
