"""A table of a board as it is shown: texts, drawings and links, with every decision made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.boards.text import figure, heading, how_tested, number, standing, uncertainty, unit
from fashionbench_leaderboards.site.drawings import Scale, groups_drawing, rank_drawing

if TYPE_CHECKING:
    from fashionbench.boards import Table
    from fashionbench.boards.table import Row
    from fashionbench_leaderboards.site.links import Links


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A value, or why there is none.

    :param order: what it is sorted by, a number as text; empty for a gap.
    :param partial: whether it is over some of the items, and stands behind the whole values.
    :param detail: interval, standard error, seeds, and n where it is not that of the whole column.
    :param standing: the ranks that it may have, and its difference to the board's base.
    :param ranks: a drawing of these ranks.
    :param among_best: whether it cannot be told from the best one.
    """

    text: str
    order: str = ""
    partial: bool = False
    detail: str = ""
    title: str = ""
    href: str = ""
    drawing: str = ""
    standing: str = ""
    ranks: str = ""
    best: bool = False
    among_best: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsView:
    """The rows of a column best first, with the groups of which no two rows can be told apart.

    :param rows: labels, and values as text.
    """

    column: str
    rows: tuple[tuple[str, str], ...]
    drawing: str


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
    """A column's head.

    :param details: the n that all its values share, and the difference that could be told.
    :param direction: how its best value comes first.
    """

    text: str
    details: tuple[str, ...]
    title: str
    href: str
    direction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableView:
    """A table.

    :param heading: empty where the page's title says it already.
    :param shared: marks that all rows share, with their meaning; they are said once, above the table.
    :param legend: the other marks, with their meaning.
    :param tested: how ranks were found, or why there are none; empty where nothing was tested.
    :param groups: of each column with such rows, those that cannot be told apart.
    :param apart: columns in which every ranked row can be told from its neighbours.
    :param sorted_by: index of the column that orders the rows.
    """

    heading: str
    note: str
    heads: tuple[HeadView, ...]
    rows: tuple[RowView, ...]
    shared: dict[str, str]
    legend: dict[str, str]
    tested: tuple[str, ...]
    groups: tuple[GroupsView, ...]
    apart: tuple[str, ...]
    sorted_by: int


def table_view(table: Table, board_title: str, links: Links, sorted_by: int) -> TableView:
    """Decide how a table is shown."""
    everywhere = set(MARKS).intersection(*(row.marks for row in table.rows)) if len(table.rows) > 1 else set()
    used = {mark for row in table.rows for mark in row.marks} - everywhere
    columns = [_column(table, at, links) for at in range(len(table.heads))]
    rows = [
        RowView(
            label=row.label,
            title=row.title or row.label,
            href=links.backend(row.backend),
            control=row.control,
            attestation=row.attestation,
            family=family(row.backend),
            marks=tuple(mark for mark in row.marks if mark not in everywhere),
            cells=tuple(cells[place] for _, cells in columns),
        )
        for place, row in enumerate(table.rows)
    ]
    return TableView(
        heading="" if table.title == board_title else table.title,
        note=table.note,
        heads=tuple(head for head, _ in columns),
        rows=tuple(rows),
        shared={mark: text for mark, text in MARKS.items() if mark in everywhere},
        legend={mark: text for mark, text in MARKS.items() if mark in used},
        tested=tuple(how_tested(table)),
        groups=tuple(_groups(table, at) for at, tests in enumerate(table.tests) if tests.groups),
        apart=tuple(
            heading(table.heads[at]) for at, tests in enumerate(table.tests) if any(tests.ranks) and not tests.groups
        ),
        sorted_by=sorted_by,
    )


def _groups(table: Table, at: int) -> GroupsView:
    """Show which rows of a column cannot be told apart."""
    tests, head = table.tests[at], table.heads[at]
    known = [(row.values[at], n) for n, row in enumerate(table.rows) if tests.ranks[n] is not None]
    measured = [(value.value, n) for value, n in known if value.value is not None]
    measured.sort(key=lambda one: (-one[0] if head.higher_is_better else one[0], one[1]))
    places = {n: place for place, (_, n) in enumerate(measured)}
    bars = [[places[n] for n in group] for group in tests.groups]
    said = "; ".join(" = ".join(table.rows[n].label for n in group) for group in tests.groups)
    return GroupsView(
        column=heading(head),
        rows=tuple((table.rows[n].label, number(table.rows[n].values[at])) for _, n in measured),
        drawing=groups_drawing([value for value, _ in measured], bars, f"not told apart: {said}"),
    )


def family(backend: str) -> str:
    """Return the owner that a backend's id begins with, or the whole id."""
    return backend.partition("/")[0]


def _column(table: Table, at: int, links: Links) -> tuple[HeadView, list[Cell]]:
    """Decide how a column's head and cells are shown."""
    values = [row.values[at] for row in table.rows]
    counts = {value.n for value in values if value.value is not None}
    n = counts.pop() if len(counts) == 1 else None
    best = _best(table, at)
    scale = Scale.of(values)
    tied = table.tests[at].tied_with_best if table.tests else (False,) * len(values)
    ranks = table.tests[at].ranks if table.tests else (None,) * len(values)
    ranked = sum(one is not None for one in ranks)
    cells = []
    for place, (row, value) in enumerate(zip(table.rows, values, strict=True)):
        href = links.record(value.records[0]) if value.records else ""
        if value.value is None:
            cells.append(Cell(text=number(value), detail=value.reason, title=value.reason, href=href))
            continue
        detail = uncertainty(value)
        cells.append(
            Cell(
                text=number(value),
                order=repr(value.value),
                partial="partial" in row.marks,
                detail=detail.removesuffix(f"n = {n}").rstrip(", "),
                title="; ".join(said for said in (value.method, value.note) if said),
                href=href,
                drawing=scale.interval(value),
                standing=standing(table, place, at),
                ranks=rank_drawing(found, ranked) if (found := ranks[place]) is not None else "",
                best=_is_ranked(row) and value.value == best,
                among_best=tied[place] and sum(tied) > 1,
            )
        )
    return _head(table, at, n, links), cells


def _head(table: Table, at: int, n: int | None, links: Links) -> HeadView:
    head = table.heads[at]
    column = head.column
    said = [f"{column.task} {column.metric}" + ("" if column.slice == "all" else f" {column.slice}")]
    details = [] if n is None else [f"n = {n:,}"]
    if table.tests and (detectable := table.tests[at].detectable) is not None:
        details.append(f"detectable {figure(detectable, unit(table, at))}")
        said.append("detectable: the difference that would be seen in four of five repetitions")
    if head.signature is not None:
        said += [f"protocol {head.signature.protocol}", f"data {head.signature.fingerprint}"]
        said.append(f"implementation {head.signature.implementation}")
    return HeadView(
        text=heading(head),
        details=tuple(details),
        title="\n".join(said),
        href=links.task(column.task),
        direction="desc" if head.higher_is_better else "asc",
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
