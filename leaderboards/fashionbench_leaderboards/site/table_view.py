"""A table of a board as it is shown: texts, drawings and links, with every decision made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.boards.text import heading, number, uncertainty
from fashionbench_leaderboards.site.drawings import interval_drawing

if TYPE_CHECKING:
    from fashionbench.boards import Table
    from fashionbench.boards.table import Head, Row, Value
    from fashionbench_leaderboards.site.links import Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value, or why there is none.

    :param order: what it is sorted by, a number as text; empty for a gap.
    :param partial: whether it is over some of the items, and stands behind the whole values.
    :param detail: interval, standard error, seeds and n.
    """

    text: str
    order: str = ""
    partial: bool = False
    detail: str = ""
    title: str = ""
    href: str = ""
    drawing: str = ""
    best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RowView:
    """A row.

    :param marks: those that not all rows share.
    :param family: the owner that its id begins with.
    """

    label: str
    title: str
    href: str
    control: bool
    attestation: str
    family: str
    marks: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadView:
    """A column's head; ``direction`` is how its best value comes first."""

    text: str
    title: str
    href: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table.

    :param heading: empty where the page's title says it already.
    :param shared: marks that all rows share, with their meaning; they are said once, above the table.
    :param legend: the other marks, with their meaning.
    :param sorted_by: index of the column that orders the rows.
    """

    heading: str
    note: str
    heads: tuple[HeadView, ...]
    rows: tuple[RowView, ...]
    shared: dict[str, str]
    legend: dict[str, str]
    sorted_by: int


def table_view(table: Table, board_title: str, links: Links, sorted_by: int) -> TableView:
    """Decide how a table is shown."""
    everywhere = set(MARKS).intersection(*(row.marks for row in table.rows)) if len(table.rows) > 1 else set()
    best = [_best(table, at) for at in range(len(table.heads))]
    used = {mark for row in table.rows for mark in row.marks} - everywhere
    return TableView(
        heading="" if table.title == board_title else table.title,
        note=table.note,
        heads=tuple(_head(head, links) for head in table.heads),
        rows=tuple(_row(row, table, best, everywhere, links) for row in table.rows),
        shared={mark: text for mark, text in MARKS.items() if mark in everywhere},
        legend={mark: text for mark, text in MARKS.items() if mark in used},
        sorted_by=sorted_by,
    )


def family(backend: str) -> str:
    """Return the owner that a backend's id begins with, or the whole id."""
    return backend.partition("/")[0]


def _head(head: Head, links: Links) -> HeadView:
    column = head.column
    said = [f"{column.task} {column.metric}" + ("" if column.slice == "all" else f" {column.slice}")]
    if head.signature is not None:
        said += [f"protocol {head.signature.protocol}", f"data {head.signature.fingerprint}"]
        said.append(f"implementation {head.signature.implementation}")
    direction = "desc" if head.higher_is_better else "asc"
    return HeadView(text=heading(head), title="\n".join(said), href=links.task(column.task), direction=direction)


def _row(row: Row, table: Table, best: list[float | None], everywhere: set[str], links: Links) -> RowView:
    ranked = _is_ranked(row)
    return RowView(
        label=row.label,
        title=row.label,
        href=links.backend(row.backend),
        control=row.control,
        attestation=row.attestation,
        family=family(row.backend),
        marks=tuple(mark for mark in row.marks if mark not in everywhere),
        cells=tuple(
            _cell(value, row, table, at, ranked and value.value is not None and value.value == best[at], links)
            for at, value in enumerate(row.values)
        ),
    )


def _cell(value: Value, row: Row, table: Table, at: int, best: bool, links: Links) -> Cell:  # noqa: FBT001
    href = links.record(value.records[0]) if value.records else ""
    if value.value is None:
        return Cell(text=number(value), detail=value.reason, title=value.reason, href=href)
    return Cell(
        text=number(value),
        order=repr(value.value),
        partial="partial" in row.marks,
        detail=uncertainty(value),
        title="; ".join(said for said in (value.method, value.note) if said),
        href=href,
        drawing=interval_drawing(value, [other.values[at] for other in table.rows]),
        best=best,
    )


def _best(table: Table, at: int) -> float | None:
    """Return the best value of a column among the rows that compete."""
    values = [value for row in table.rows if _is_ranked(row) and (value := row.values[at].value) is not None]
    if not values:
        return None
    return max(values) if table.heads[at].higher_is_better else min(values)


def _is_ranked(row: Row) -> bool:
    """Tell whether a row competes: no control, nothing that was shown the truth, and over all items."""
    return not row.control and not {"privileged", "partial"} & set(row.marks)
