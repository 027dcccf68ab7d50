"""Predictions of a backend, in a form that metrics can be computed from without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Predictions:
    """What a backend answered, in a form that metrics can be computed from without the backend.

    :param schema_id: the columns and their meaning, such as ``ranking/1``.
    """

    schema_id: str
    table: pa.Table
