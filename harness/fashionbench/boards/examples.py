"""Single cases behind a value: what was asked, what the backend answered, and what would have been right."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture of a page.

    :param what: what it shows, such as ``person``; empty where that goes without saying.
    :param file: its name among the files of the publication.
    """

    what: str
    file: str
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A query, a candidate, a caption or a generated image.

    :param text: shown where the licence of the data allows it, or where the backend wrote it.
    :param right: whether it is an answer that was looked for; None where nobody can say.
    """

    id: str
    text: str = ""
    pictures: tuple[Picture, ...] = ()
    right: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One case.

    :param outcome: how it went, in words, such as ``first right answer at rank 17 of 141``.
    :param answers: best first; of a ranking the first few.
    """

    slice: str
    outcome: str
    asked: Thing
    answers: tuple[Thing, ...] = ()
    expected: tuple[Thing, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """The cases of a task on which systems differ most.

    :param systems: labels of rows, the best first, each with a record.
    :param values: by case and system, as texts.
    :param examples: the cases, without answers.
    """

    systems: tuple[tuple[str, str], ...]
    values: tuple[tuple[str, ...], ...]
    examples: Examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The cases of one record.

    :param order: by what they are ordered, worst first; empty where they stand in the order of the data set.
    :param credit: the words that must stand beside pictures and texts of the data.
    :param without: why there are no pictures; empty where there are.
    """

    kind: str
    order: str
    cases: tuple[Example, ...]
    credit: str = ""
    without: str = ""
