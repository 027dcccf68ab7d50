"""What items look like whose value changed between two systems: the query, and what each system answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.studies.examples import examples_of
from fashionbench.studies.pictures import Pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.boards.examples import Example
    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.store import Store
    from fashionbench.studies.comparison import Comparison, Flip

#: How many items of a task are shown: the worst losses and the best gains.
SHOWN = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipCase:
    """An item whose value changed, as both systems answered it."""

    flip: Flip
    baseline: Example
    candidate: Example


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipCases:
    """Items whose value changed, with their pictures.

    :param files: pictures by the name that the cases call them by.
    :param notes: what must stand beside pictures, and why there are none.
    """

    cases: tuple[FlipCase, ...]
    files: dict[str, bytes]
    notes: tuple[str, ...]


def flip_cases(comparison: Comparison, stores: tuple[Store, Store], plugins: Plugins, roots: DataRoots) -> FlipCases:
    """Show the items that changed most, where the licence of their data allows it.

    :param stores: those that hold the records of the baseline and of the candidate.
    """
    pictures = Pictures(plugins, roots)
    cases: list[FlipCase] = []
    notes: dict[str, None] = {}
    for task in dict.fromkeys(flip.task for flip in comparison.flips):
        flips = _outermost([flip for flip in comparison.flips if flip.task == task])
        wanted = {(flip.slice, flip.item) for flip in flips}
        sides: list[dict[tuple[str, str], Example]] = []
        for at, store in enumerate(stores):
            record = store.get(flips[0].records[at])
            found = examples_of(record, store, plugins, len(wanted), items=wanted)
            if found is None:
                sides.append({})
                continue
            seen = pictures.show(found, record, store)
            notes |= dict.fromkeys(f"{task}: {text}" for text in (seen.credit, seen.without) if text)
            sides.append({(case.slice, case.asked.id): case for case in seen.cases})
        for flip in flips:
            key = flip.slice, flip.item
            if all(key in side for side in sides):
                cases.append(FlipCase(flip=flip, baseline=sides[0][key], candidate=sides[1][key]))
    return FlipCases(cases=tuple(cases), files=pictures.files, notes=tuple(notes))


def _outermost(flips: Sequence[Flip]) -> list[Flip]:
    """Keep both ends of a list whose losses come first."""
    if len(flips) <= SHOWN:
        return list(flips)
    return [*flips[: SHOWN // 2], *flips[-(SHOWN // 2) :]]
