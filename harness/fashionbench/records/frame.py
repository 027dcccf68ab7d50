"""Records as a tidy pandas data frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from fashionbench.canonical import canonical_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fashionbench.records.schema import Record

COLUMNS = (
    "record", "task", "kind", "dataset", "synthetic", "backend", "options", "control", "attestation", "status", "seed",
    "metric", "slice", "value", "bound", "low", "high", "standard_error", "n", "unit", "higher_is_better", "reason",
    "protocol", "fingerprint", "implementation", "ended",
)  # fmt: skip


def frame_of(records: Iterable[Record]) -> pd.DataFrame:
    """Return one row for each metric and slice, and one for each metric or cell without a value, with the reason."""
    table = pd.DataFrame([row for record in records for row in _rows(record)], columns=list(COLUMNS))
    numbers = dict.fromkeys(("value", "low", "high", "standard_error"), "float64")
    return table.astype({**numbers, "n": "Int64", "seed": "int64"})


def _rows(record: Record) -> list[dict[str, Any]]:
    common = {
        "record": record.record_id,
        "task": record.task.id,
        "kind": record.task.kind,
        "dataset": record.dataset.id if record.dataset else None,
        "synthetic": record.dataset.synthetic if record.dataset else None,
        "backend": record.backend.id,
        "options": canonical_json(record.backend.options),
        "embedding_dtype": record.decoding.embedding_dtype,
        "control": record.backend.control,
        "attestation": record.attestation,
        "status": record.status,
        "seed": record.decoding.seed,
        "protocol": record.protocol.hash,
        "fingerprint": record.dataset.fingerprint if record.dataset else None,
        "ended": record.provenance.ended,
    }
    rows = [
        {
            **common,
            "metric": part.id,
            "slice": part.slice,
            "value": part.value,
            "bound": part.bound,
            "low": part.interval[0] if part.interval else None,
            "high": part.interval[1] if part.interval else None,
            "standard_error": part.standard_error,
            "n": part.n,
            "unit": part.unit,
            "higher_is_better": part.higher_is_better,
            "implementation": part.implementation,
        }
        for part in record.metrics
    ]
    rows += [{**common, "metric": part.id, "slice": "all", "reason": part.reason} for part in record.absent]
    if record.error is not None:
        rows.append({**common, "reason": record.error.message})
    return rows
