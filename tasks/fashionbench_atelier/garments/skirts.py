"""Dresses and skirts: everything that hangs from the waist in one tube."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import HIP, WAIST
from fashionbench_atelier.anatomy.geometry import both_sides, spline
from fashionbench_atelier.garments import bodice, trims
from fashionbench_atelier.garments.measures import FLARE, ease, hem_height
from fashionbench_atelier.garments.piece import Piece
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng


def dress(product: Product, body: Body, rng: Rng, *, back: bool) -> list[Piece]:
    """Cut a dress without its sleeves, collar and print."""
    hem = hem_height(product)
    room = ease(product)
    build = body.build
    fitted = product.cut in {"a-line dress", "wrap dress", "sheath dress"} or product.detail == "belt"
    waist = body.half_width(WAIST) + (room * 0.6 if fitted else 0.0)
    if not fitted:
        waist = bodice.side_width(product, body, WAIST)
    flare = FLARE[product.cut]
    hip = build.hip + room * 0.8 + max(0.0, flare) * 0.35
    width = build.hip + room + flare * (0.6 + 0.32 * (hem - HIP))
    seam = spline(
        [
            (bodice.side_width(product, body, 0.76), 0.76),
            (bodice.side_width(product, body, 1.0), 1.0),
            (waist, WAIST),
            (hip, HIP - 0.05),
            ((hip + width) / 2 + 0.01, (HIP + hem) / 2),
            (width, hem),
        ],
        5,
    )[1:]
    outline = [*bodice.upper_edge(product, body, back=back), *seam, *bodice.hem_curve(width, hem, 0.12)]
    seams: list[Stroke] = []
    extra: list[Piece] = []
    if product.cut in {"a-line dress", "wrap dress"}:
        seams.append(Stroke(body.path(spline([(-waist, WAIST), (0.0, WAIST + 0.05), (waist, WAIST)], 4)), 0.018, -0.45))
    if product.cut == "sheath dress":
        seams += [
            Stroke(body.path(spline([(s * 0.4, 0.9), (s * 0.3, WAIST), (s * 0.36, HIP)], 4)), 0.012, -0.22)
            for s in (-1, 1)
        ]
    if not back and product.cut == "shirt dress":
        seams += trims.front_line(body, 0.2, hem + 0.1)
        extra += trims.buttons(body, 0.36, hem - 0.35, 9)
        if product.detail == "chest pocket":
            extra += trims.patch(body, 0.2, 0.68, 0.32, 0.38)
    if not back and product.cut == "wrap dress":
        line = spline([(0.34, 0.05), (0.12, 0.75), (-0.3, WAIST)], 5)
        seams.append(Stroke(body.path(line), 0.022, -0.6))
        seams.append(Stroke(body.path(spline([(-0.3, WAIST), (-0.12, 2.6), (0.1, hem)], 5)), 0.025, -0.6))
    pleats = {"a-line dress": 8.0, "wrap dress": 6.0, "slip dress": 4.0, "shift dress": 3.0, "shirt dress": 4.0}.get(
        product.cut, 0.0
    )
    main = Piece(
        [body.path(both_sides(outline))],
        folds=bodice.trunk_folds(rng, product, body, 1.7),
        seams=tuple(seams),
        pleats=pleats,
        pleat_top=WAIST if fitted else 1.9,
    )
    pieces = [_inside_hem(body, width, hem), main, *hem_trim(product, body, width, hem), *extra]
    if product.detail == "belt":
        tied = product.cut in {"wrap dress", "shirt dress", "a-line dress"}
        closed = "plain" if back else "bow" if tied else "buckle"
        pieces += trims.belt(body, waist + 0.02, dye="plain" if tied else "leather", closed=closed)
    return pieces


def skirt(product: Product, body: Body, rng: Rng, *, back: bool) -> list[Piece]:
    """Cut a skirt."""
    hem, room, flare = hem_height(product), ease(product) * 0.7, FLARE[product.cut]
    waist = body.half_width(WAIST) + 0.03
    hip = body.build.hip + room + max(0.0, flare) * 0.3
    width = body.build.hip + room + flare * (0.7 + 0.34 * (hem - HIP))
    seam = spline(
        [
            (waist, WAIST),
            ((waist + hip) / 2 + 0.05, 1.8),
            (hip, HIP),
            ((hip + width) / 2 + 0.01, (HIP + hem) / 2),
            (width, hem),
        ],
        5,
    )
    outline = [(0.0, WAIST + 0.02), *seam, *bodice.hem_curve(width, hem, 0.12)]
    seams: list[Stroke] = []
    extra: list[Piece] = []
    if product.cut == "denim skirt" and not back:
        seams += trims.fly(body)
        seams += trims.front_line(body, 2.3, hem + 0.1, offset=0.015)
    if product.cut == "pencil skirt":
        seams += [Stroke(body.path([(s * 0.28, WAIST + 0.1), (s * 0.33, 1.95)]), 0.012, -0.25) for s in (-1, 1)]
        if back:
            seams.append(Stroke(body.path([(0.0, WAIST), (0.0, hem)]), 0.014, -0.4))
    seams.append(
        Stroke(body.path(spline([(-width, hem - 0.08), (0.0, hem + 0.02), (width, hem - 0.08)], 4)), 0.012, -0.22)
    )
    folds = []
    for sign in (-1, 1):
        for _ in range(2):
            y = rng.between(2.05, 2.45)
            folds.append(
                Stroke(
                    body.path([(sign * hip, y), (sign * hip * rng.between(0.3, 0.6), y + rng.between(-0.05, 0.12))]),
                    0.05,
                    -0.35,
                )
            )
    pleats = {"a-line skirt": 7.0, "pleated skirt": 15.0}.get(product.cut, 0.0)
    main = Piece(
        [body.path(both_sides(outline))],
        folds=tuple(folds),
        seams=tuple(seams),
        pleats=pleats,
        pleat_top=WAIST + 0.1,
        sharp=product.cut == "pleated skirt",
    )
    pieces = [_inside_hem(body, width, hem), main, *hem_trim(product, body, width, hem), *extra]
    pieces += trims.waistband(body, waist + 0.01, button=product.cut == "denim skirt" and not back)
    if product.detail == "belt":
        pieces += trims.belt(body, waist + 0.03, y=WAIST + 0.06, closed="plain" if back else "buckle")
    return pieces


def _inside_hem(body: Body, width: float, hem: float) -> Piece:
    far = both_sides(
        [(0.0, hem - 0.12), *spline([(width * 0.97, hem - 0.03), (width * 0.6, hem + 0.05), (0.0, hem + 0.1)], 4)]
    )
    return Piece([body.path(far)], "inside", tone=0.55, edge=0.1)


def hem_trim(product: Product, body: Body, width: float, hem: float) -> list[Piece]:
    """Finish a hem with a band of the second colour or a ruffle, if the product has one."""
    if product.detail == "contrast hem":
        return [trims.hem_band(body, width, hem, 0.16, "second")]
    if product.detail != "ruffle hem":
        return []
    scallops, reach = 10, width + 0.06
    low = []
    for number in range(scallops):
        left, wide = -reach + 2 * reach * number / scallops, 2 * reach / scallops
        low += [
            (left + wide * share, hem + 0.17 + 0.035 * bow)
            for share, bow in ((0.0, -0.6), (0.25, 0.6), (0.5, 1.0), (0.75, 0.6))
        ]
    low.append((reach, hem + 0.15))
    shape = [
        *spline([(-width + 0.02, hem - 0.04), (0.0, hem + 0.06), (width - 0.02, hem - 0.04)], 5),
        *reversed(low),
    ]
    return [Piece([body.path(shape)], "cloth", tone=0.97, pleats=12.0, pleat_top=hem - 0.1, cast=0.2, edge=0.4)]
