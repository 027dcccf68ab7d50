"""A piece of a garment, ready to be painted, and a garment as its pieces in painting order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fashionbench_atelier.anatomy.geometry import Limb, Shape
    from fashionbench_atelier.rendering.canvas import Stroke


@dataclass(frozen=True, slots=True)
class Piece:
    """One panel of cloth, or one trim on it.

    :param shape: what it covers, in body units.
    :param dye: ``cloth`` (main colour with pattern), ``plain`` (main colour without), ``second``, ``inside`` (the far
        side, in the dark), ``metal``, ``thread``, ``leather``, or ``none`` (seams only).
    :param limb: the arm or leg that it wraps, which its pattern follows; None lets it hang.
    :param tone: brightness relative to its dye.
    :param curve: how much darker it gets towards its edges, as cloth does that turns away.
    :param folds: soft relief.
    :param seams: sharp lines.
    :param pleats: number of soft pleats across the hem, growing from ``pleat_top`` downwards; ``sharp`` presses them.
    :param rib: number of ribs per body unit, as at the hem of a sweater.
    :param edge: how dark its outline is.
    :param cast: strength of the shadow that it throws on what lies under it.
    :param bold: carries the product's print.
    """

    shape: Shape
    dye: str = "cloth"
    limb: Limb | None = None
    tone: float = 1.0
    curve: float = 0.2
    folds: tuple[Stroke, ...] = ()
    seams: tuple[Stroke, ...] = ()
    pleats: float = 0.0
    pleat_top: float = 0.0
    sharp: bool = False
    rib: float = 0.0
    edge: float = 0.3
    cast: float = 0.0
    bold: bool = False


@dataclass
class GarmentPieces:
    """All pieces of a garment: those behind the neck, those on the trunk and legs, and those on each arm."""

    behind: list[Piece] = field(default_factory=list)
    front: list[Piece] = field(default_factory=list)
    arms: dict[str, list[Piece]] = field(default_factory=dict)
