"""Read the candidates of one query: ids in their order, or ids with scores."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.predictions.imported import RankedList

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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


def _once(names: list[str], place: str) -> list[str]:
    if len(set(names)) != len(names):
        seen: set[str] = set()
        for name in names:
            if name in seen:
                raise DataError(f"{place} ranks a candidate twice: {name!r}", remedy="remove the repetition")
            seen.add(name)
    return names
