"""Published numbers beside the columns of a board: shown apart, never ranked with what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from fashionbench.specs.reference import EVIDENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fashionbench.specs import Column, ReferenceSpec, ReferenceValue

#: The heading of the block in every format, and what is said below it.
HEADING = "Reported elsewhere, never ranked with measured rows"
EXPLANATION = (
    "As printed by the sources, in no order of merit. What is not known of how a number was measured may move it by "
    "more than the difference between two rows."
)


@dataclass(frozen=True, slots=True)
class Reported:
    """A published number that names the task, the metric and the slice of a column."""

    column: Column
    value: ReferenceValue


@dataclass(frozen=True, slots=True)
class ReportedRow:
    """The published numbers of one row of one source, as texts."""

    system: str
    numbers: str
    source: str
    evidence: str
    known: str
    unknown: str
    caveat: str


def references_for(columns: Sequence[Column], references: Iterable[ReferenceSpec]) -> tuple[Reported, ...]:
    """Find the published numbers of a board's columns, by system and source, in the order of the columns."""
    values = [value for spec in references for value in spec.values]
    found = [
        Reported(column, value)
        for column in dict.fromkeys(columns)
        for value in values
        if (value.metric, value.slice) == (column.metric, column.slice) and column.task in value.tasks
    ]
    return tuple(sorted(found, key=lambda reported: _row(reported.value)))


def reported_rows(found: Iterable[Reported]) -> list[ReportedRow]:
    """Bring the numbers of one row of one source together; systems stand in the order of the alphabet."""
    rows = []
    for _, group in groupby(found, key=lambda reported: _row(reported.value)):
        members = list(group)
        value = members[0].value
        rows.append(
            ReportedRow(
                system=value.system,
                numbers="; ".join(_number(reported) for reported in members),
                source=source(value),
                evidence=EVIDENCE[value.evidence],
                known=known(value),
                unknown=", ".join(value.unknown),
                caveat=value.caveat or "",
            )
        )
    return rows


def source(value: ReferenceValue) -> str:
    """Say where a value is printed, and whose it is."""
    identifier = f" ({value.source.identifier})" if value.source.identifier else ""
    whose = {
        "own": "its own row",
        "quoted": "quoted there",
        "rerun": "run again there",
        "unknown": "whose is not known",
    }
    return f"{value.source.title}{identifier}, {value.locator}; {whose[value.origin]}"


def known(value: ReferenceValue) -> str:
    """List the fields of the protocol card that are known."""
    return "; ".join(f"{name}: {text}" for name, text in value.known)


def misprint(value: ReferenceValue) -> str:
    """Say what a printed mean should be, where its parts give another."""
    return f"its parts give {value.misprint}" if value.misprint else ""


def _number(reported: Reported) -> str:
    column, value = reported.column, reported.value
    if value.scale is None:
        times = " (scale not known)"
    elif value.scale == 100 and value.unit == "fraction":
        times = " %"
    else:
        times = "" if value.scale == 1 else f" (x{value.scale:g})"
    wrong = f" ({misprint(value)})" if value.misprint else ""
    return f"{column.task} {column.label or column.metric} {value.printed}{times}{wrong}"


def _row(value: ReferenceValue) -> tuple[str, ...]:
    """Order by system; what else makes two rows of a source one follows."""
    return (
        value.system.casefold(), value.system, value.source.title, value.source.identifier or "", value.table or "",
        value.row, value.origin, value.evidence, known(value), ", ".join(value.unknown), value.caveat or "",
    )  # fmt: skip
