"""p-values of the variants of a study, adjusted for being many: max-T, or Holm where that cannot be drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fashionbench.seeding import seed_of
from fashionbench.statistics.against_base import base_tests
from fashionbench.statistics.paired import holm
from fashionbench.studies.item_values import item_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fashionbench.plugins.manager import Plugins
    from fashionbench.records.schema import Record
    from fashionbench.records.store import Store
    from fashionbench.studies.comparison import Difference
    from fashionbench.studies.item_values import ItemValues


def adjusted(
    metric: str,
    base: Sequence[Record],
    variants: Sequence[Sequence[Record]],
    found: Sequence[Difference],
    store: Store,
    plugins: Plugins,
) -> list[tuple[Difference, str]]:
    """Adjust the p-values of variants of one task and metric.

    :param base: the records of the base, one a seed.
    :param variants: the records of each variant.
    :param found: the difference of each variant from the base, with its own p-value or none.
    :returns: the same differences with adjusted p-values, which are never below their own, each with the method.
    """
    tested = [at for at, one in enumerate(found) if one.p_value is not None]
    made = [(one, "") for one in found]
    own = [float(found[at].p_value or 0.0) for at in tested]
    if len(tested) < 2:
        return [(one, "a single variant" if one.p_value is not None else "") for one in found]
    joint = _joint(metric, base, [variants[at] for at in tested], store, plugins)
    p_values, method = (holm(own), "Holm") if joint is None else joint
    for at, alone, p_value in zip(tested, own, p_values.tolist(), strict=True):
        made[at] = replace(found[at], p_value=max(alone, p_value)), method
    return made


def _joint(
    metric: str, base: Sequence[Record], variants: Sequence[Sequence[Record]], store: Store, plugins: Plugins
) -> tuple[NDArray[np.float64], str] | None:
    """Test all variants at once; None where they have no values by item, or too few clusters."""
    sides = [[_whole(record, metric, store, plugins) for record in side] for side in (base, *variants)]
    known = [[one for one in side if one is not None] for side in sides]
    if any(len(some) != len(side) for some, side in zip(known, sides, strict=True)):
        return None
    items, strata = known[0][0]
    tests = base_tests(
        np.stack([one.values for one, _ in known[0]]),
        [np.stack([one.values for one, _ in side]) for side in known[1:]],
        clusters=items.clusters,
        strata=strata,
        average="items" if strata is None else "strata",
        seed=seed_of("ablation", *sorted(r.record_id for side in (base, *variants) for r in side), metric),
    )
    return None if tests is None else (tests.p_values, tests.method)


def _whole(
    record: Record, metric: str, store: Store, plugins: Plugins
) -> tuple[ItemValues, tuple[str, ...] | None] | None:
    found = item_values(record, metric, store, plugins)
    return None if found is None else found.of_slice("all")
