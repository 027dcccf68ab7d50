"""Who sits for which try-on list, and whose garment they get in the unpaired one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.world.wearers import unpaired

if TYPE_CHECKING:
    from fashionbench_atelier.world.wearers import Wearer
    from fashionbench_atelier.world.world import World

LAYOUTS = ("viton-hd", "dress-code")


@dataclass(frozen=True, slots=True)
class Sitter:
    """A wearer with a place in the lists.

    :param split: ``train`` or ``test``.
    :param partner: id of the wearer whose garment they get in the unpaired list; None in ``train``.
    """

    wearer: Wearer
    split: str
    partner: int | None


def sitters(world: World) -> tuple[Sitter, ...]:
    """Give every wearer a place.

    A test person who has nobody to swap with is put into ``train``: VITON-HD has one test list, which serves as the
    paired and as the unpaired one, so everybody in it needs a partner.
    """
    partners: dict[int, int] = {}
    for layout in LAYOUTS:
        partners |= dict(unpaired(world.seed, world.wearers, layout, "test"))
    return tuple(Sitter(one, "test" if one.id in partners else "train", partners.get(one.id)) for one in world.wearers)


def wearer(world: World, identity: int) -> Wearer:
    """Find a person by id; in a small world some ids are not given, so the place in the list is not the id."""
    return next(one for one in world.wearers if one.id == identity)
