"""Files for github-action-benchmark, which takes either values that should rise or values that should fall."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fashionbench.specs import Export
from fashionbench_leaderboards.exporters.series import points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import Record
    from fashionbench_leaderboards.exporters.series import Point

#: Name of the file by whether higher is better; the action's ``tool`` is the name in camel case with ``custom`` before.
_FILES = {True: "bigger-is-better.json", False: "smaller-is-better.json"}


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:  # noqa: ARG001
    """Write a file for ``customBiggerIsBetter`` and one for ``customSmallerIsBetter``, where there are such values."""
    found, left_out = points(records)
    files: dict[str, str] = {}
    for higher, name in _FILES.items():
        entries = [_entry(point) for point in found if point.part.higher_is_better is higher]
        if entries:
            files[name] = json.dumps(entries, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return Export(files, tuple(left_out))


def _entry(point: Point) -> dict[str, str | float]:
    part, record = point.part, point.record
    entry: dict[str, str | float] = {"name": f"{point.name} | {part.id}", "unit": part.unit, "value": part.value}
    if part.interval is not None:
        entry["range"] = f"[{part.interval[0]!r}, {part.interval[1]!r}]"
    elif part.standard_error is not None:
        entry["range"] = f"± {part.standard_error!r}"
    said = [f"n = {part.n}", f"record {record.record_id}", f"protocol {record.protocol.hash}", part.implementation]
    return {**entry, "extra": "\n".join(said)}
