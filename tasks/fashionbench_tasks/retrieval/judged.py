"""Folds whose positives and grades are those of a file of relevance judgements."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from fashionbench.errors import DataError, first_names
from fashionbench.predictions.id_matching import IdMatcher
from fashionbench_tasks.retrieval.candidates import Candidates

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from fashionbench_tasks.datasets.qrels import Qrels
    from fashionbench_tasks.retrieval.fold import Fold

    Folds = Callable[[frozenset[str]], list[Fold]]
    Grades = dict[tuple[str, str], dict[str, float]]


def judged(folds: Folds, qrels: Qrels | None) -> tuple[Folds, dict[str, str]]:
    """Give each query that is judged the candidates of a grade above 0 for its positives, with their grades.

    Other queries keep the positives that they have, each of grade 1.

    :param folds: makes the folds without the images that are absent.
    :returns: makes the folds with judgements, and what a record says of them.
    :raises DataError: naming the first row that is wrong.
    """
    if qrels is None:
        return folds, {}
    listed = folds(frozenset())
    grades, faults = _read(qrels, listed)
    if faults:
        more = f"; {len(faults) - 1} rows more are wrong" if len(faults) > 1 else ""
        remedy = "'fashionbench data check' explains each row, 'fashionbench items' lists the ids of a task"
        raise DataError(f"{qrels.path}, {faults[0]}{more}", remedy=remedy)
    irrelevant = sum(grade <= 0 for own in grades.values() for grade in own.values())
    facts = {
        "queries with graded judgements": f"{len(grades)} of {sum(len(fold.asked) for fold in listed)}",
        "judgements of grade 0 or below, not relevant": f"{irrelevant} of {len(qrels.judgements)}",
    }

    def made(absent: frozenset[str]) -> list[Fold]:
        return [_graded(fold, grades, absent) for fold in folds(absent)]

    return made, facts


def judgement_faults(qrels: Qrels, folds: Sequence[Fold]) -> list[str]:
    """Say what is wrong with each row: unknown ids, grades that are no numbers, what is judged twice or in vain.

    :param folds: with every query and the whole gallery, whether their images are there or not.
    """
    return [f"{qrels.path.name}, {fault}" for fault in _read(qrels, folds)[1]]


def _graded(fold: Fold, grades: Grades, absent: Collection[str]) -> Fold:
    own = {
        query: {one: grade for one, grade in grades[fold.name, query].items() if grade > 0 and one not in absent}
        for query in fold.asked
        if (fold.name, query) in grades
    }
    return replace(fold, positives={**fold.positives, **{q: tuple(g) for q, g in own.items()}}, grades=own)


def _read(qrels: Qrels, folds: Sequence[Fold]) -> tuple[Grades, list[str]]:
    """Read the grades by fold and query, then by candidate, and say what is wrong by row."""
    sides = [_Side(fold) for fold in folds]
    grades: Grades = {}
    rows: dict[tuple[str, str, str], int] = {}
    first_of: dict[tuple[str, str], int] = {}
    faults = [(error.number, error.fault) for error in qrels.unread]
    for one in qrels.judgements:
        grade = _number(one.grade)
        if grade is None:
            faults.append((one.row, f"the grade {one.grade!r} is no finite number"))
        exact = [(side, query) for side in sides if (query := side.exact(one.query))]
        found = exact or [(side, query) for side in sides if (query := side.queries.find(one.query))]
        if len(found) != 1:
            names = [first_names(side.queries.names, 2) for side in sides]
            what = "is a query in several directions" if found else f"is no query; queries are {' or '.join(names)}"
            faults.append((one.row, f"{one.query!r} {what}"))
            continue
        side, query = found[0]
        first_of.setdefault((side.name, query), one.row)
        candidate = side.gallery.find(one.candidate)
        if candidate is None:
            few = first_names(side.gallery.names, 2)
            faults.append((one.row, f"{one.candidate!r} is no candidate; candidates are {few}"))
            continue
        first = rows.setdefault((side.name, query, candidate), one.row)
        if first != one.row:
            faults.append((one.row, f"it judges what row {first} does"))
        elif grade is not None and grade > 0 and candidate in side.candidates.excluded(query):
            faults.append((one.row, f"{one.candidate!r} is the query's own image, which is no candidate"))
        elif grade is not None:
            grades.setdefault((side.name, query), {})[candidate] = grade
    silent = {} if faults else first_of
    for key, row in silent.items():
        if not any(grade > 0 for grade in grades[key].values()):
            faults.append((row, f"nothing answers {key[1]!r}: none of its grades is above 0"))
    return grades, [f"row {row}: {fault}" for row, fault in sorted(faults)]


class _Side:
    """The queries and candidates of a fold by the names that a file may give them."""

    def __init__(self, fold: Fold) -> None:
        self.name = fold.name
        self.queries = IdMatcher(fold.asked)
        self.candidates = Candidates(fold)
        self.gallery = IdMatcher(self.candidates.gallery)
        self._ids = frozenset(fold.asked)
        texts: dict[str, list[str]] = {}
        for source in fold.queries:
            texts.setdefault(str(getattr(source, "text", "")), []).append(source.id)
        self._texts = {text: ids[0] for text, ids in texts.items() if text and len(ids) == 1}

    def exact(self, name: str) -> str | None:
        """Find a query by its id, or by its text where no other query has it."""
        return name if name in self._ids else self._texts.get(name)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) else None
