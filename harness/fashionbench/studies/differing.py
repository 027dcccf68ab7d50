"""Find the cases of a task on which systems that were measured alike differ most."""

from __future__ import annotations

from collections import defaultdict
from math import log
from statistics import fmean
from typing import TYPE_CHECKING

from fashionbench.boards.examples import Differing, Example, Examples, Thing
from fashionbench.boards.labels import row_label
from fashionbench.boards.text import figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.records.schema import Record
    from fashionbench.studies.examples import CaseValues

#: How many cases are shown, of how many systems.
CASES, SYSTEMS = 12, 12


def differing_cases(found: Sequence[tuple[Record, CaseValues]]) -> Differing | None:
    """Choose cases of one task; None where no two systems were measured alike, or none differs.

    Of several ways of measuring, the one that most systems share counts; of several seeds, the first. Controls and
    limited runs are left out.

    :param found: records of the task, with how each case went.
    """
    ways: dict[tuple[str, str, str], dict[str, tuple[Record, CaseValues]]] = defaultdict(dict)
    records = [record for record, _ in found]
    for record, values in sorted(found, key=lambda pair: (pair[0].decoding.seed, pair[0].record_id)):
        if not record.backend.control and record.decoding.limit is None and record.dataset is not None:
            way = (record.protocol.hash, record.dataset.fingerprint, values.measure)
            ways[way].setdefault(row_label(record, records), (record, values))
    if not ways:
        return None
    systems = ways[max(ways, key=lambda way: (len(ways[way]), way))]
    sign = -1 if next(iter(systems.values()))[1].higher_is_better else 1
    best = sorted(systems, key=lambda label: (sign * fmean(systems[label][1].values.values()), label))[:SYSTEMS]
    known = [systems[label][1] for label in best]
    shared = set(known[0].values).intersection(*(one.values for one in known))
    spread = {case: _spread([one.values[case] for one in known], known[0].unit) for case in shared}
    cases = sorted((case for case in shared if spread[case] > 0), key=lambda case: (-spread[case], case))[:CASES]
    if not cases:
        return None
    texts = tuple(tuple(figure(one.values[case], one.unit) for one in known) for case in cases)
    asked = tuple(Example(slice=slice_, outcome="", asked=Thing(id=name)) for slice_, name in cases)
    return Differing(
        systems=tuple((label, systems[label][0].record_id) for label in best),
        values=texts,
        examples=Examples(kind="asked", order=known[0].measure, cases=asked),
    )


def _spread(values: Sequence[float], unit: str) -> float:
    """Say how far values lie apart; of ranks the ratio counts, for 1 and 10 differ more than 101 and 110."""
    return log(max(values) / min(values)) if unit == "rank" else max(values) - min(values)
