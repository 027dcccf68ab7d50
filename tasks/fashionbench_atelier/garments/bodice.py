"""The upper part of a garment: necklines, armholes, side seams and sleeves, cut to a body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench_atelier.anatomy.body import ARMPIT, CHEST, HIP, SHOULDER, WAIST
from fashionbench_atelier.anatomy.geometry import Path, Point, Shape, both_sides, disc, interpolate, spline, steps
from fashionbench_atelier.garments.measures import ease
from fashionbench_atelier.garments.piece import Piece
from fashionbench_atelier.rendering.canvas import Stroke

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.body import Body
    from fashionbench_atelier.world.garment import Product
    from fashionbench_atelier.world.rng import Rng

# Half-width and depth of the opening at the neck.
_NECKS: dict[str, tuple[float, float]] = {
    "crew": (0.31, 0.2),
    "v": (0.35, 0.72),
    "scoop": (0.45, 0.56),
    "boat": (0.62, 0.19),
    "square": (0.46, 0.5),
    "turtle": (0.29, 0.14),
    "shirt collar": (0.27, 0.2),
    "polo collar": (0.27, 0.2),
    "band collar": (0.29, 0.16),
    "wrap": (0.36, 1.0),
    "lapel": (0.3, 1.15),
    "hood": (0.33, 0.26),
    "none": (0.31, 0.2),
}


def shoulder_height(body: Body, x: float) -> float:
    """Height of the shoulder line at a distance from the neck."""
    return interpolate(abs(x), (0.24, 0.5, body.build.shoulder), (-0.1, 0.03, SHOULDER - 0.02))


def _lift(product: Product) -> float:
    """How far the shoulder seam lies above the body: a jacket covers the shirt below it."""
    return 0.035 if product.category == "jacket" else 0.0


def neck_edge(product: Product, body: Body, *, back: bool = False) -> Path:
    """Right half of the edge at the neck, from the centre front (or centre back) to the shoulder."""
    width, depth = _NECKS[product.neckline]
    top = shoulder_height(body, width) - _lift(product)
    if back:
        return spline([(0.0, 0.06), (width * 0.6, 0.03), (width, top)], 5)
    if product.neckline in {"v", "wrap", "lapel"}:
        bow = 0.03 if product.neckline == "lapel" else 0.02
        return spline([(0.0, depth), (width * 0.55 + bow, depth * 0.5), (width, top)], 4)
    if product.neckline == "square":
        return [(0.0, depth), (width - 0.05, depth - 0.01), (width, top)]
    return spline(
        [
            (0.0, depth),
            (width * 0.55, depth * 0.9 + top * 0.1),
            (width * 0.92, depth * 0.45 + top * 0.55),
            (width, top),
        ],
        5,
    )


def side_width(product: Product, body: Body, y: float) -> float:
    """Half-width of the garment between armpit and hip."""
    room = ease(product)
    near = body.half_width(y) + room
    if product.fit == "slim":
        return near
    widest = max(body.build.hip, body.build.chest) + room
    straight = interpolate(y, (ARMPIT, HIP), (body.half_width(ARMPIT) + room, widest))
    share = 0.5 if product.fit == "regular" else 0.92
    return near + share * max(0.0, straight - near)


def armhole(product: Product, body: Body) -> Path:
    """Right edge from the shoulder to the armpit."""
    shoulder, under = body.build.shoulder, side_width(product, body, ARMPIT + 0.08)
    lift = _lift(product)
    if product.sleeve == "sleeveless":
        tip = max(shoulder * 0.8, _NECKS[product.neckline][0] + 0.1)
        return spline([(tip, shoulder_height(body, tip)), (tip - 0.06, 0.42), (under, ARMPIT + 0.08)], 5)
    return spline([(shoulder - 0.09, SHOULDER - 0.06 - lift), (shoulder - 0.1 + lift, 0.42), (under, ARMPIT + 0.1)], 4)


def sweetheart(product: Product, body: Body) -> Path:
    """Right half of the upper edge of a bodice that straps hold: from the centre front to the armpit."""
    under = side_width(product, body, ARMPIT + 0.08)
    return spline([(0.0, 0.62), (0.2, 0.5), (0.42, 0.44), (0.56, 0.56), (under, ARMPIT + 0.1)], 5)


def upper_edge(product: Product, body: Body, *, back: bool = False) -> Path:
    """Right half of everything above the side seam, from the centre to the armpit."""
    if product.sleeve == "strap":
        return (
            sweetheart(product, body)
            if not back
            else spline([(0.0, 0.6), (0.4, 0.58), *sweetheart(product, body)[-1:]], 4)
        )
    return [*neck_edge(product, body, back=back), *armhole(product, body)]


def side_seam(product: Product, body: Body, hem: float, hem_width: float | None = None) -> Path:
    """Right side seam from below the armpit to the hem of a top."""
    ys = [y for y in (0.95, 1.2, WAIST, 1.8, HIP) if y < hem - 0.12]
    points = [(side_width(product, body, y), y) for y in ys]
    last = hem_width if hem_width is not None else side_width(product, body, min(hem, HIP)) + 0.02 * max(0.0, hem - HIP)
    return spline([(side_width(product, body, ARMPIT + 0.1), ARMPIT + 0.1), *points, (last, hem)], 4)[1:]


def hem_curve(width: float, hem: float, drop: float) -> Path:
    """Right half of a hem, from the side to the centre; ``drop`` lowers the centre."""
    return spline([(width, hem), (width * 0.55, hem + drop * 0.75), (0.0, hem + drop)], 5)[1:]


def inside_back(product: Product, body: Body) -> list[Piece]:
    """Cut the far side of the neck opening, seen when nobody wears the garment, with the maker's label."""
    if product.sleeve == "strap":
        edge = sweetheart(product, body)
        far = spline([(0.0, 0.6), (0.3, 0.58), edge[-1]], 4)
        return [Piece([body.path(both_sides([*far, *reversed(edge)]))], "inside", tone=0.62, curve=0.05, edge=0.2)]
    edge = neck_edge(product, body)
    far = neck_edge(product, body, back=True)
    width = _NECKS[product.neckline][0]
    low = [(min(x + 0.03, width + 0.02), y + 0.05) for x, y in edge]
    label = [(-0.07, 0.1), (0.07, 0.1), (0.07, 0.17), (-0.07, 0.17)]
    return [
        Piece([body.path(both_sides([*far, *reversed(low)]))], "inside", tone=0.62, curve=0.05, edge=0.2),
        Piece([body.path(label)], "thread", curve=0.0, edge=0.15),
    ]


def straps(body: Body) -> list[Piece]:
    """Two thin straps over the shoulders."""
    out = []
    for sign in (-1.0, 1.0):
        line = [(sign * 0.44, 0.5), (sign * 0.47, 0.22), (sign * 0.44, shoulder_height(body, 0.44) - 0.01)]
        left = [(x - 0.028, y) for x, y in spline(line, 4)]
        right = [(x + 0.028, y) for x, y in reversed(spline(line, 4))]
        out.append(Piece([body.path([*left, *right])], "plain", curve=0.0, tone=0.94, edge=0.3))
    return out


def sleeve_shape(product: Product, body: Body, side: str, room: float, end: float, cuff: float) -> Shape:
    """Outline a set-in sleeve from the armhole to a share of the arm.

    :param room: ease at the upper arm.
    :param cuff: ease at the end.
    """
    arm = body.arms[side]
    sign = -1.0 if side == "right" else 1.0
    shoulder, under = body.build.shoulder, side_width(product, body, ARMPIT + 0.08)
    tip = body.place((sign * (shoulder - 0.11), SHOULDER - 0.07 - _lift(product)))
    hole = body.place((sign * (shoulder - 0.17), 0.42))
    pit = body.place((sign * (under - 0.05), ARMPIT + 0.1))

    def edge(share: float, which: float) -> Point:
        grown = interpolate(share, (0.0, max(end, 0.05)), (room, cuff))
        # The outer side of the right arm is at the right of the arm's own direction, and mirrored on the left.
        return arm.side(share, which * sign * -1.0 * (arm.width(share) + grown))

    outer = [edge(share, 1.0) for share in steps(0.06, max(end, 0.1), 12)]
    start = min(0.24, end * 0.7)
    inner = [edge(share, -1.0) for share in steps(end, start, 8)] if end > 0.16 else []
    round_top = arm.width(0.0) + room + 0.015
    ball = (arm.joints[0][0] + sign * 0.72 * round_top, arm.joints[0][1] - 0.72 * round_top)
    first = [*spline([tip, ball, *outer], 3), *inner, pit, hole]
    bend_room = interpolate(0.53, (0.0, max(end, 0.05)), (room, cuff))
    parts: Shape = [first]
    if end > 0.3:
        parts += arm.sleeve(0.24, end, (bend_room if end < 0.5 else room * 0.8 + 0.2 * cuff, bend_room, cuff))
    return parts


def sleeve_folds(rng: Rng, body: Body, side: str, end: float, room: float) -> tuple[Stroke, ...]:
    """Creases at the armpit and, on a long sleeve, at the elbow and above the cuff."""
    arm = body.arms[side]
    folds = []
    places = [0.16, 0.24] + [0.46, 0.53, 0.6] * (end > 0.6) + [0.84, 0.91] * (end > 0.9)
    for place in places:
        if place > end - 0.04:
            continue
        spot = place + rng.between(-0.03, 0.03)
        width = arm.width(spot) + room
        slant = rng.between(0.02, 0.09) * (1 if rng.chance(0.5) else -1)
        a, b = arm.side(spot, -width * 0.9), arm.side(min(1.0, spot + slant), width * rng.between(0.1, 0.7))
        if rng.chance(0.5):
            a, b = arm.side(spot, width * 0.9), arm.side(min(1.0, spot + slant), -width * rng.between(0.1, 0.7))
        folds.append(Stroke([a, b], 0.035, rng.between(-0.6, -0.3)))
        folds.append(Stroke([(a[0], a[1] + 0.05), (b[0], b[1] + 0.05)], 0.03, rng.between(0.15, 0.35)))
    return tuple(folds)


def trunk_folds(rng: Rng, product: Product, body: Body, hem: float) -> tuple[Stroke, ...]:
    """Creases from the armpits to the chest, at the waist and above the hem; a slim fit has fewer."""
    strength = {"slim": 0.6, "regular": 0.85, "loose": 1.0}[product.fit]
    folds: list[Stroke] = []

    def crease(points: Path, width: float, value: float) -> None:
        value *= strength
        folds.append(Stroke(body.path(spline(points, 4)), width, value))
        folds.append(Stroke(body.path(spline([(x, y + width * 1.2) for x, y in points], 4)), width * 0.8, -0.6 * value))

    for sign in (-1.0, 1.0):
        width = side_width(product, body, 0.8)
        for _ in range(2):
            y = rng.between(0.74, 0.95)
            crease(
                [(sign * width * 0.95, y), (sign * width * rng.between(0.5, 0.7), y + rng.between(0.06, 0.3))],
                0.05,
                -0.6,
            )
        if body.build.bust > 0.3 and product.category != "jacket":
            crease([(sign * 0.12, 1.03), (sign * 0.34, 1.1), (sign * 0.56, 1.02)], 0.07, -0.45 * body.build.bust)
        for _ in range(2):
            if hem < WAIST + 0.1:
                break
            y = rng.between(1.3, 1.75)
            width = side_width(product, body, y)
            crease(
                [(sign * width, y), (sign * width * rng.between(0.35, 0.7), y + rng.between(-0.08, 0.16))],
                0.045,
                -0.55,
            )
    if hem > CHEST + 1.0:
        for _ in range(4):
            x = rng.between(-0.55, 0.55)
            crease([(x, hem - rng.between(0.3, 0.7)), (x * 1.08, hem)], 0.06, rng.between(-0.45, -0.2))
    return tuple(folds)


def cuff_piece(product: Product, body: Body, side: str, end: float, room: float, *, rib: float = 0.0) -> Piece:
    """Cut a band around the end of a sleeve."""
    shape = body.arms[side].sleeve(max(0.0, end - 0.085), min(1.0, end + 0.01), (room, room * 0.8))
    dye = "second" if product.detail == "contrast trim" else "plain"
    return Piece(shape[:9], dye, limb=body.arms[side], tone=0.95, rib=rib, edge=0.35)


def printed(product: Product, body: Body) -> list[Piece]:
    """Print on the chest with polygons of the second colour."""
    if product.print == "none":
        return []
    y = 0.98 if product.neckline in {"crew", "hood", "boat"} else 1.12
    return [
        Piece(
            [body.path([(0.3 * a, y + 0.3 * b) for a, b in _motif(product.print)])],
            "second",
            curve=0.0,
            edge=0.12,
            bold=True,
        )
    ]


def _motif(name: str) -> Path:
    if name == "heart":
        return both_sides(
            spline([(0.0, -0.45), (0.28, -0.85), (0.75, -0.8), (0.92, -0.3), (0.6, 0.25), (0.0, 0.95)], 6)
        )
    if name == "bolt":
        return [(0.25, -1.0), (-0.6, 0.15), (-0.05, 0.15), (-0.3, 1.0), (0.62, -0.25), (0.06, -0.25), (0.6, -1.0)]
    if name == "moon":
        outer = disc((0.0, 0.0), 0.9, count=28)
        inner = disc((0.4, -0.12), 0.72, count=28)
        return [p for p in outer if (p[0] - 0.4) ** 2 + (p[1] + 0.12) ** 2 >= 0.5] + list(
            reversed([p for p in inner if p[0] ** 2 + p[1] ** 2 <= 0.83])
        )
    turns = disc((0.0, 0.0), 1.0, count=40)
    if name == "star":
        ring = disc((0.0, 0.0), 1.0, count=10)
        return [(y, -x) if k % 2 == 0 else (0.42 * y, -0.42 * x) for k, (x, y) in enumerate(ring)]
    if name == "flower":
        petals = [(1.0, 0.95, 0.8, 0.5, 0.42, 0.5, 0.8, 0.95)[k % 8] for k in range(40)]
        return [(x * r, y * r) for (x, y), r in zip(turns, petals, strict=True)]
    return [(0.85 * x, 0.85 * y) for x, y in turns]
