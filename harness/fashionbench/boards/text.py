"""How a board speaks to people: numbers, marks, notes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.boards.table import MARKS
from fashionbench.canonical import short

if TYPE_CHECKING:
    from fashionbench.boards.board import Board
    from fashionbench.boards.table import Head, Table, Value


def number(value: Value) -> str:
    """Write a value, as :func:`figure` does, and a lower bound as one; a gap as a dash."""
    if value.value is None:
        return "–"
    return ("≥ " if value.bound == "lower" else "") + figure(value.value, value.unit)


def uncertainty(value: Value) -> str:
    """Write what belongs to a value: its 95 % interval or standard error, the deviation over seeds, and n."""
    if value.value is None:
        return ""
    said: list[str] = []
    if value.interval is not None:
        low, high = value.interval
        said.append(f"[{figure(low, value.unit)}, {figure(high, value.unit)}]")
    elif value.standard_error is not None:
        said.append(f"± {figure(value.standard_error, value.unit)} standard error at this n")
    if value.sd_over_seeds is not None:
        said.append(f"sd over {value.seeds} seeds {figure(value.sd_over_seeds, value.unit)}")
    return ", ".join([*said, f"n = {value.n}"])


def figure(value: float, unit: str) -> str:
    """Write a number as the field prints it: per cent and distances with two decimals, a rank or a count plainly.

    What is below 1 without being a fraction has four digits. Rounding gives neither a negative zero nor a 0 or 100 %
    that is none.
    """
    if unit == "fraction":
        return _per_cent(100 * value)
    if unit in {"rank", "count"}:
        return f"{value:.1f}".removesuffix(".0")
    return _positive_zero(f"{value:.2f}" if abs(value) >= 1 else f"{value:.4g}")


def _per_cent(value: float) -> str:
    rounded = f"{value:.2f}"
    if rounded in {"100.00", "-100.00"} and abs(value) < 100:
        return ">99.99" if value > 0 else "<-99.99"
    if float(rounded) == 0 and value != 0:
        return "<0.01" if value > 0 else ">-0.01"
    return _positive_zero(rounded)


def _positive_zero(text: str) -> str:
    return text.removeprefix("-") if float(text) == 0 else text


def heading(head: Head) -> str:
    """Write a column's name with the direction in which it is better."""
    return f"{head.label} {'↑' if head.higher_is_better else '↓'}"


def tested_heading(table: Table, column: int) -> str:
    """Write a column's name as :func:`heading` does, with the smallest difference that could be told."""
    head = table.heads[column]
    detectable = table.tests[column].detectable if table.tests else None
    if detectable is None:
        return heading(head)
    return f"{heading(head)} (detectable {figure(detectable, unit(table, column))})"


def unit(table: Table, column: int) -> str:
    """Return the unit of a column's values."""
    return next((row.values[column].unit for row in table.rows if row.values[column].value is not None), "")


def standing(table: Table, row: int, column: int) -> str:
    """Write the ranks that a row may have, such as ``rank 1–3``, and its difference to the board's base."""
    if not table.tests:
        return ""
    tests = table.tests[column]
    said: list[str] = []
    ranks = tests.ranks[row]
    if ranks is not None:
        low, high = ranks
        said.append(f"rank {low}" if low == high else f"rank {low}–{high}")
    against = tests.against[row] if tests.against else None
    if against is not None and tests.base:
        of = unit(table, column)
        text = f"{'+' if against.difference > 0 else ''}{figure(against.difference, of)}"
        if against.interval is not None:
            low_end, high_end = against.interval
            text += f" [{figure(low_end, of)}, {figure(high_end, of)}]"
        if against.wins is not None:
            text += f", {against.wins}/{against.ties}/{against.losses} won/tied/lost"
        said.append(text)
    return "; ".join(said)


def is_among_best(table: Table, row: int, column: int) -> bool:
    """Tell whether a value is one of several ranked ones, and cannot be told from the best."""
    return bool(table.tests) and table.tests[column].tied_with_best[row]


def how_tested(table: Table) -> list[str]:
    """Say how the ranks of a table were found, or why there are none; one line for what columns share."""
    columns: dict[str, list[str]] = {}
    for head, tests in zip(table.heads, table.tests, strict=False):
        text = f"no ranks: {tests.reason}" if tests.reason else f"ranks by {tests.method}"
        columns.setdefault(text, []).append(head.label)
    if not any(not tests.reason for tests in table.tests):
        return []
    lines = [f"{', '.join(labels)}: {text}" for text, labels in columns.items()]
    based = next((tests for tests in table.tests if tests.base and tests.reference is not None), None)
    if based is not None and based.reference is not None:
        lines.append(f"differences, and items won, tied and lost, are to {table.rows[based.reference].label}")
    return lines


#: What ranks and the mark of the best group mean, for below a table.
RANKS = (
    "A rank is the set of places that a row may have, at 5 % for a whole column; what cannot be told from the best is "
    "set in bold; detectable is the difference that would be seen in four of five repetitions"
)


def legend(table: Table) -> dict[str, str]:
    """List the marks that a table uses, with their meaning."""
    used = {mark for row in table.rows for mark in row.marks}
    return {mark: text for mark, text in MARKS.items() if mark in used}


def how_measured(board: Board) -> list[str]:
    """Say by what each column of the board is comparable, and over how many items its values are."""
    lines: list[str] = []
    numbers: dict[str, set[int]] = {}
    for table in (table for table in board.tables if table.main):
        for at, head in enumerate(table.heads):
            found = {row.values[at].n for row in table.rows if row.values[at].value is not None}
            numbers.setdefault(head.column.task, set()).update(found)
    seen: set[str] = set()
    for head in (head for table in board.tables if table.main for head in table.heads):
        if head.signature is None or head.column.task in seen:
            continue
        seen.add(head.column.task)
        protocol, fingerprint = short(head.signature.protocol), short(head.signature.fingerprint)
        n = numbers[head.column.task]
        over = f", n {' to '.join(f'{count:,}' for count in sorted({min(n), max(n)}))}" if n else ""
        lines.append(f"{head.column.task}: protocol {protocol}, data {fingerprint}{over}")
    return lines
