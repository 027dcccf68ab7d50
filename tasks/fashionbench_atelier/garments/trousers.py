"""Trousers: two legs, a waistband, a fly and pockets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import CROTCH, HIP, SIDES, WAIST
from fashionbench_atelier.anatomy.geometry import both_sides, interpolate, spline, steps
from fashionbench_atelier.garments import trims
from fashionbench_atelier.garments.measures import LEG_END
from fashionbench_atelier.garments.piece import GarmentPieces, Piece
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.anatomy.geometry import Limb, Path, Point
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng

_ROOM = {"slim": 0.025, "regular": 0.08, "loose": 0.15}


def trousers(product: Product, body: Body, rng: Rng, *, back: bool) -> GarmentPieces:
    """Cut trousers, shorts or joggers."""
    waist = body.half_width(WAIST) + 0.03
    pieces: list[Piece] = []
    for side in SIDES:
        pieces += _Leg(product, body, side).pieces(rng)
    if not back and product.cut != "joggers":
        pieces.append(Piece(_fly_shape(body, waist), "none", seams=trims.fly(body), edge=0.0))
    elif back and product.cut in {"jeans", "chinos"}:
        pieces += [p for x in (-0.52, 0.14) for p in trims.patch(body, x, 1.78, 0.38, 0.44)]
    buttoned = product.cut in {"jeans", "chinos"} and not back
    pieces += trims.waistband(body, waist + 0.01, button=buttoned, elastic=product.cut == "joggers")
    if product.detail == "belt":
        pieces += trims.belt(body, waist + 0.03, y=WAIST + 0.06, closed="plain" if back else "buckle")
    return GarmentPieces(front=pieces)


class _Leg:
    """One trouser leg."""

    def __init__(self, product: Product, body: Body, side: str) -> None:
        self.product, self.body = product, body
        self.limb: Limb = body.legs[side]
        self.sign = -1.0 if side == "right" else 1.0
        self.end = LEG_END[product.length]
        self.room = room = _ROOM[product.fit]
        wide = 0.24 if product.cut == "wide-leg trousers" else 0.0
        # Ease at six places down the leg, outside and inside; wide legs open more to the outside.
        taper = (1.0, 1.1, 1.2, 1.1, 0.8, 0.35) if product.cut == "joggers" else (1.0,) * 6
        self._places = steps(0.0, 1.0, 6)
        self._outer, self._inner = (
            [
                interpolate(place, (0.0, 0.5, 1.0), ease) * factor
                for place, factor in zip(self._places, taper, strict=True)
            ]
            for ease in (
                (room, room + wide * 0.6, room + 0.02 + wide),
                (room, room + wide * 0.35, room + wide * 0.6),
            )
        )

    def edge(self, share: float, side: float) -> Point:
        """Give the point on the outer (``side`` > 0) or inner (< 0) edge, or between them, at a share of the leg."""
        eases = self._outer if side > 0 else self._inner
        grown = interpolate(share, self._places, eases)
        return self.limb.side(share, -side * self.sign * (self.limb.width(share) + grown))

    def pieces(self, rng: Rng) -> list[Piece]:
        """Cut the leg with its hem, crease, stripe or cuff."""
        product, body, sign, end = self.product, self.body, self.sign, self.end
        joggers = product.cut == "joggers"
        waist = body.half_width(WAIST) + 0.03
        hip = body.build.hip + self.room * 0.6
        shares = steps(0.1, end, 9)
        top = [(sign * waist, WAIST), (sign * (waist + hip) / 2 * 1.04, 1.85), (sign * hip, HIP)]
        outer = spline([*body.path(top), *[self.edge(share, 1.0) for share in shares]], 3)
        inner = [self.edge(share, -1.0) for share in reversed(shares) if share >= 0.2]
        middle = body.path([(0.0, WAIST + 0.02), (sign * -0.01, CROTCH + 0.02)])
        hem = Stroke([self.edge(end - 0.018, -1.0), self.edge(end - 0.018, 1.0)], 0.012, -0.3)
        pieces = [
            Piece(
                [[middle[0], *outer, *inner, middle[1]]],
                limb=self.limb,
                folds=self._folds(rng),
                seams=() if joggers else (hem,),
                curve=0.26,
                edge=0.35,
            )
        ]
        if product.detail == "side stripe":
            shift = -sign * 0.075
            stripe: Path = [*outer, *[(x + shift, y) for x, y in reversed(outer)]]
            pieces.append(Piece([stripe], "second", limb=self.limb, curve=0.0, edge=0.1))
        if joggers:
            pieces.append(
                Piece(self.limb.sleeve(end - 0.06, end, (0.05, 0.03))[:9], "plain", limb=self.limb, rib=10.0, tone=0.95)
            )
        return pieces

    def _folds(self, rng: Rng) -> tuple[Stroke, ...]:
        folds = []
        for place in (0.08, 0.14, 0.47, 0.53, 0.58, 0.9, 0.95):
            if place > self.end - 0.04:
                continue
            spot, start = place + rng.between(-0.02, 0.02), 1.0 if rng.chance(0.5) else -1.0
            reach, slope = start * rng.between(-0.3, 0.4), rng.between(0.015, 0.06)
            deep = rng.between(-0.6, -0.3)
            lower = min(1.0, spot + slope)
            folds.append(Stroke([self.edge(spot, start * 0.97), self.edge(lower, reach)], 0.035, deep))
            folds.append(
                Stroke([self.edge(spot + 0.015, start * 0.97), self.edge(lower + 0.012, reach)], 0.03, -0.7 * deep)
            )
        if self.product.cut in {"chinos", "wide-leg trousers"} and self.end > 0.45:
            folds.append(Stroke([self.limb.at(share) for share in (0.1, 0.4, 0.7, min(1.0, self.end))], 0.022, 0.3))
        return tuple(folds)


def _fly_shape(body: Body, waist: float) -> list[Path]:
    right = [(0.0, WAIST), (waist, WAIST), (body.build.hip, 2.0), (0.1, CROTCH - 0.02), (0.0, CROTCH - 0.02)]
    return [body.path(both_sides(right))]
