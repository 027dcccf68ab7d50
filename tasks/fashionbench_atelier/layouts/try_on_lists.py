"""Try-on lists: which person is in which split, and whose garment it gets in the unpaired list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench_atelier.world.dressed_people import unpaired

if TYPE_CHECKING:
    from fashionbench_atelier.world.dressed_people import DressedPerson
    from fashionbench_atelier.world.world import World

LAYOUTS = ("viton-hd", "dress-code")


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """A dressed person with its split and its partner in the unpaired list.

    :param split: ``train`` or ``test``.
    :param partner: id of the wearer whose garment they get in the unpaired list; None in ``train``.
    """

    dressed_person: DressedPerson
    split: str
    partner: int | None


def listed_people(world: World) -> tuple[ListedPerson, ...]:
    """Give every wearer a place.

    A test person who has nobody to swap with is put into ``train``: VITON-HD has one test list, which serves as the
    paired and as the unpaired one, so everybody in it needs a partner.
    """
    partners: dict[int, int] = {}
    for layout in LAYOUTS:
        partners |= dict(unpaired(world.seed, world.dressed_people, layout, "test"))
    return tuple(
        ListedPerson(one, "test" if one.id in partners else "train", partners.get(one.id))
        for one in world.dressed_people
    )


def dressed_person(world: World, identity: int) -> DressedPerson:
    """Find a person by id; in a small world some ids are not given, so the place in the list is not the id."""
    return next(one for one in world.dressed_people if one.id == identity)
