"""The predictions schema ``images/1``: what try-on and design leave behind.

One row a picture. Generated rows carry what was measured against the truth of the same item; real rows stand for the
set of photos that a distance compares with, and carry features alone. Pictures themselves are kept in the store under
their hash.

====================  ===============  =================================================================
column                type             meaning
====================  ===============  =================================================================
item_id               string           the pairing, or the photo
slice                 string           such as the category
cluster               string           what is resampled as one: the person
side                  string           ``generated`` or ``real``
width, height         int64            of the picture as it was measured
picture               string           SHA-256 of the stored PNG; empty on real rows
value:<name>          double           what was measured against the truth, such as ``ssim``; null without one
features:<extractor>  list of float    the picture's features
====================  ===============  =================================================================

Schema metadata ``fashionbench`` is JSON: ``absent`` says why an extractor or a value is not there, ``extractors``
names weights and preprocessing of those that are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fashionbench.errors import MetricError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

SCHEMA = "images/1"
_KEY = b"fashionbench"


@dataclass(slots=True)
class Picture:
    """One row."""

    item_id: str
    slice: str
    cluster: str
    side: str
    width: int
    height: int
    picture: str = ""
    values: dict[str, float] = field(default_factory=dict)
    features: dict[str, NDArray[np.float32]] = field(default_factory=dict)


def imagery_table(rows: list[Picture], extractors: Mapping[str, str], absent: Mapping[str, str]) -> pa.Table:
    """Write rows as a table of the schema ``images/1``.

    :param extractors: fingerprint of each extractor that was used.
    :param absent: for each extractor or value that was asked for and is not there, the reason.
    """
    import pyarrow as pa  # noqa: PLC0415

    texts = ("item_id", "slice", "cluster", "side", "picture")
    columns: dict[str, Any] = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in texts}
    columns |= {name: pa.array([getattr(row, name) for row in rows], pa.int64()) for name in ("width", "height")}
    for name in sorted({name for row in rows for name in row.values}):
        columns[f"value:{name}"] = pa.array([row.values.get(name) for row in rows], pa.float64())
    for name in sorted({name for row in rows for name in row.features}):
        vectors = [row.features[name].tolist() if name in row.features else None for row in rows]
        columns[f"features:{name}"] = pa.array(vectors, pa.list_(pa.float32()))
    said = json.dumps({"absent": dict(absent), "extractors": dict(extractors)}, sort_keys=True)
    return pa.table(columns).replace_schema_metadata({_KEY: said.encode()})


def values_of(table: pa.Table, name: str) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return what was measured on generated rows, and which rows these are.

    :raises MetricError: where it was not measured, with the reason.
    """
    import numpy as np  # noqa: PLC0415

    column = f"value:{name}"
    if column not in table.column_names:
        raise MetricError(reason(table, name))
    values = table.column(column).to_numpy(zero_copy_only=False)
    rows = ~np.isnan(values)
    generated = np.asarray(table.column("side").to_pylist()) == "generated"
    if not (rows == generated).all():
        lost = [table.column("item_id")[int(i)].as_py() for i in np.flatnonzero(generated & ~rows)[:5]]
        raise MetricError(f"{name} was not measured for {', '.join(lost)}")
    return values[rows], rows


def features_of(table: pa.Table, extractor: str, side: str) -> NDArray[np.float32]:
    """Return the features of one side as [N, D].

    :raises MetricError: where the extractor was not there, with the reason.
    """
    import numpy as np  # noqa: PLC0415

    column = f"features:{extractor}"
    if column not in table.column_names:
        raise MetricError(reason(table, extractor))
    chosen = [
        v for s, v in zip(table.column("side").to_pylist(), table.column(column).to_pylist(), strict=True) if s == side
    ]
    if not chosen or any(vector is None for vector in chosen):
        raise MetricError(f"not every {side} picture has features of {extractor}")
    return np.asarray(chosen, dtype=np.float32)


def facts_of(table: pa.Table) -> dict[str, dict[str, str]]:
    """Return what the metadata says of extractors, present and absent."""
    said = (table.schema.metadata or {}).get(_KEY, b"{}")
    loaded: dict[str, dict[str, str]] = {"absent": {}, "extractors": {}, **json.loads(said)}
    return loaded


def reason(table: pa.Table, name: str) -> str:
    """Say why something is not in the predictions."""
    return facts_of(table)["absent"].get(name, f"{name} was not asked for by the protocol")
