"""Bencher Metric Format: a benchmark for each series, and a measure for each metric, with its interval."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fashionbench.specs import Export
from fashionbench_leaderboards.exporters.series import points

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fashionbench.records.schema import Record


def export(records: Sequence[Record], options: Mapping[str, str]) -> Export:  # noqa: ARG001
    """Write ``bencher.json``, which ``bencher run --adapter json --file`` reads.

    The format knows no direction: a threshold in Bencher has a lower boundary for what should rise and an upper one for
    what should fall.
    """
    found, left_out = points(records)
    benchmarks: dict[str, dict[str, dict[str, float]]] = {}
    for point in found:
        measure = {"value": point.part.value}
        if point.part.interval is not None:
            measure["lower_value"], measure["upper_value"] = point.part.interval
        benchmarks.setdefault(point.name, {})[point.part.id] = measure
    text = json.dumps(benchmarks, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    return Export({"bencher.json": text}, tuple(left_out))
