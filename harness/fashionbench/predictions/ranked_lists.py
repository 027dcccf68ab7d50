"""Read the candidates of one query: ids in their order, or ids with scores."""

from __future__ import annotations

from itertools import groupby
from math import isfinite
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.predictions.imported import RankedList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

#: Columns that order candidates, the first that is there decides, and whether a higher value is better.
ORDERS = {"score": True, "distance": False, "rank": False}


def id_of(value: Any, place: str) -> str:
    """Return an id as text: a text as it is, a whole number in digits, bytes as UTF-8.

    :param place: file and row, for a message.
    :raises DataError: for anything else.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(f"{place}: the id {value!r} is not UTF-8", remedy="write ids as texts") from error
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise DataError(f"{place}: {value!r:.60} is no id", remedy="write ids as texts or whole numbers")


def ranked_list(query: str, value: Any, path: Path) -> RankedList:
    """Read a list of ids, a list of pairs of id and score, or an object of id and score.

    :raises DataError: for anything else, naming the query and what stands there.
    """
    place = f"{path}: {query!r}"
    if isinstance(value, dict):
        return scored_list(query, list(value.items()), path)
    if not isinstance(value, list):
        msg = f"{place} is neither a text nor a list of ids: {value!r:.60}"
        raise DataError(msg, remedy="mend or drop it")
    if value and all(isinstance(one, list) and len(one) == 2 for one in value):
        return scored_list(query, [(one[0], one[1]) for one in value], path)
    return RankedList(_once([id_of(one, f"{place}, rank {at}") for at, one in enumerate(value, 1)], place))


def scored_list(query: str, pairs: Sequence[tuple[Any, Any]], path: Path) -> RankedList:
    """Order candidates by their scores, highest first; the order of the file does not count.

    :raises DataError: where a score is no finite number.
    """
    place = f"{path}: {query!r}"
    scored: list[tuple[str, float]] = []
    for one, score in pairs:
        if isinstance(score, bool) or not isinstance(score, (int, float)) or not isfinite(score):
            msg = f"{place}: the score of {one!r} is {score!r:.60}"
            raise DataError(msg, remedy="write finite numbers, higher is better")
        scored.append((id_of(one, place), float(score)))
    _once([name for name, _ in scored], place)
    scored.sort(key=lambda pair: -pair[1])
    return RankedList([name for name, _ in scored], [score for _, score in scored])


def ordered_list(query: str, rows: Sequence[tuple[str, Mapping[str, float]]], path: Path) -> RankedList:
    """Order candidates by the first of the columns :data:`ORDERS` that is there, or as they stand.

    :param rows: each candidate with its values by column, the same columns in all.
    :raises DataError: where two columns disagree, or two candidates have one rank.
    """
    columns = list(rows[0][1])
    for column in columns[1:]:
        found = disagreement(rows, columns[0], column)
        if found:
            msg = f"{path}: {columns[0]} and {column} of the query {query!r} disagree: {found}"
            remedy = f"drop the column {columns[0]} or {column}; call a score of which lower is better 'distance'"
            raise DataError(msg, remedy=remedy)
    if not columns:
        return ranked_list(query, [name for name, _ in rows], path)
    by = columns[0]
    if by == "rank":
        if len({values[by] for _, values in rows}) != len(rows):
            raise DataError(f"{path}: {query!r} has two candidates of one rank", remedy="write each rank once")
        return ranked_list(query, [name for name, _ in sorted(rows, key=lambda row: row[1][by])], path)
    return scored_list(query, [(name, values[by] if ORDERS[by] else -values[by]) for name, values in rows], path)


def disagreement(rows: Sequence[tuple[str, Mapping[str, float]]], first: str, second: str) -> str:
    """Name two candidates that one column puts in one order and another column in the other; empty where none is.

    What is equal in one column has no order there, and agrees with any.
    """

    def key(row: tuple[str, Mapping[str, float]], column: str) -> float:
        return -row[1][column] if ORDERS[column] else row[1][column]

    before: tuple[str, Mapping[str, float]] | None = None  # the worst by the second column of all that went before
    for _, tied in groupby(sorted(rows, key=lambda row: key(row, first)), key=lambda row: key(row, first)):
        group = sorted(tied, key=lambda row: key(row, second))
        if before is not None and key(group[0], second) < key(before, second):
            told = [f"{name!r} has {first} {v[first]:g} and {second} {v[second]:g}" for name, v in (before, group[0])]
            return ", ".join(told)
        before = group[-1]
    return ""


def _once(names: list[str], place: str) -> list[str]:
    if len(set(names)) != len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise DataError(f"{place} ranks a candidate twice: {name!r}", remedy="remove the repetition")
            seen.add(name)
    return names
