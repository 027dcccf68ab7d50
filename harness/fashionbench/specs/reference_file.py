"""Read published numbers from YAML.

A file holds tables, a table holds columns and rows, and a row holds the printed texts in the order of the columns. Each
text becomes one :class:`~fashionbench.specs.reference.ReferenceValue` that says everything about itself.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from fashionbench.errors import ConfigError
from fashionbench.specs.reference import Evidence, Origin, ReferenceSource, ReferenceSpec, ReferenceValue
from fashionbench.specs.validation import read_yaml, validated

if TYPE_CHECKING:
    from pathlib import Path

_REMEDY = "see docs/reference/references.md"
_GAP = "-"
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
_Scale = Annotated[int, Field(gt=0)] | Literal["unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Source(_Part):
    title: _Text
    # An address ages, and a page that loads nothing from elsewhere has no use for it.
    identifier: Annotated[str, StringConstraints(min_length=1, pattern=r"^[^/\s]+(/[^/\s]+)*$")] | None = None


class _Column(_Part):
    name: _Text
    metric: _Text
    slice: _Text = "all"
    unit: Literal["fraction", "score", "distance"] = "fraction"
    scale: _Scale = 100
    tasks: list[_Text] | None = None
    mean_of: list[_Text] = []


class _Row(_Part):
    system: _Text
    row: _Text | None = None
    values: _Text
    origin: Origin | None = None
    evidence: Evidence | None = None
    caveat: _Text | None = None
    tasks: list[_Text] | None = None
    known: dict[_Text, _Text] = {}
    unknown: list[_Text] = []
    misprints: dict[_Text, _Text] = {}


class _Table(_Part):
    source: _Source
    table: _Text | None = None
    tasks: list[_Text]
    origin: Origin
    evidence: Evidence
    caveat: _Text | None = None
    known: dict[_Text, _Text] = {}
    unknown: list[_Text] = []
    columns: list[_Column] = Field(min_length=1)
    rows: list[_Row] = Field(min_length=1)


class _References(_Part):
    id: _Text
    title: _Text
    summary: _Text
    tables: list[_Table] = Field(min_length=1)


def read_references(path: Path) -> ReferenceSpec:
    """Read the published numbers of one benchmark.

    :raises ConfigError: where the file cannot be read or is no such file; the message names file and field.
    """
    fields = validated(_References, read_yaml(path), f"{path} holds no published numbers", _REMEDY)
    values: list[ReferenceValue] = []
    for at, table in enumerate(fields.tables):
        where = f"{path}: tables.{at}"
        names = [column.name for column in table.columns]
        _refuse(where, "columns", sorted({one for one, two in pairwise(sorted(names)) if one == two}), "is there twice")
        for number, column in enumerate(table.columns):
            _refuse(
                f"{where}.columns.{number}", "mean_of", [n for n in column.mean_of if n not in names], "is no column"
            )
        for number, row in enumerate(table.rows):
            values += _row_values(table, row, f"{where}.rows.{number} ({row.system})")
    return ReferenceSpec(id=fields.id, title=fields.title, summary=fields.summary, values=tuple(values))


def _row_values(table: _Table, row: _Row, where: str) -> list[ReferenceValue]:
    printed = row.values.split()
    if len(printed) != len(table.columns):
        raise ConfigError(
            f"{where}.values: {len(printed)} texts for {len(table.columns)} columns", remedy=f"write {_GAP} for a gap"
        )
    given = {column.name for column, text in zip(table.columns, printed, strict=True) if text != _GAP}
    _refuse(where, "misprints", [name for name in row.misprints if name not in given], "has no value in this row")
    _refuse(where, "known", sorted(row.known.keys() & set(row.unknown)), "is unknown too")
    known = {name: value for name, value in table.known.items() if name not in row.unknown} | row.known
    unknown = [name for name in dict.fromkeys([*table.unknown, *row.unknown]) if name not in row.known]
    _refuse(where, "unknown", [name for name in unknown if name in known], "is known too")
    said = [text for text in (table.caveat, row.caveat) if text]
    return [
        ReferenceValue(
            system=row.system,
            source=ReferenceSource(table.source.title, table.source.identifier),
            table=table.table,
            row=row.row or row.system,
            column=column.name,
            origin=row.origin or table.origin,
            printed=text,
            number=_number(text, column, where),
            unit=column.unit,
            scale=None if column.scale == "unknown" else float(column.scale),
            tasks=tuple(next(t for t in (row.tasks, column.tasks, table.tasks) if t is not None)),
            metric=column.metric,
            slice=column.slice,
            known=tuple(sorted(known.items())),
            unknown=tuple(unknown),
            evidence=row.evidence or table.evidence,
            caveat="; ".join(said) or None,
            mean_of=tuple(column.mean_of) if given.issuperset(column.mean_of) else (),
            misprint=row.misprints.get(column.name),
        )
        for column, text in zip(table.columns, printed, strict=True)
        if text != _GAP
    ]


def _number(text: str, column: _Column, where: str) -> float | None:
    """Turn a printed text into the metric's own unit, digit by digit, so that 87.55 % is the double next to 0.8755."""
    if not (text.isascii() and text.replace(".", "", 1).isdigit()):
        raise ConfigError(f"{where}.values: {text!r} ({column.name}) is no number", remedy="write it as printed: 87.55")
    return None if column.scale == "unknown" else float(Decimal(text) / column.scale)


def _refuse(where: str, field: str, names: list[str], reason: str) -> None:
    if names:
        raise ConfigError(f"{where}.{field}: {', '.join(names)} {reason}", remedy=_REMEDY)
