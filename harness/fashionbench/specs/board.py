"""Leaderboard specifications: columns, boards, file formats, and sites."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fashionbench.errors import PluginError
from fashionbench.specs.base import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a board: a metric of a task, or of one of its slices.

    :param group: columns of one group make a table; without groups, all columns make one.
    """

    task: str
    metric: str
    slice: str = "all"
    label: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSpec:
    """A leaderboard: which numbers of which backends, and what it is sorted by.

    :param backends: the rows to run by default; a record of any other backend is shown too.
    :param sort_by: index of the column that orders the rows; a table without it is ordered by its first column.
    :param base: the row, by backend or label, whose differences to the others are shown; empty for none.
    :param coverage: whether each row says in how many columns it was measured.
    """

    id: str
    title: str
    summary: str
    columns: tuple[Column, ...]
    backends: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    sort_by: int = 0
    base: str = ""
    coverage: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReporterSpec(Spec):
    """A file format of a board; the target is ``(board: Board) -> str``.

    :param suffix: of its files, without the dot, such as ``md``.
    """

    suffix: str

    def __post_init__(self) -> None:
        super(ReporterSpec, self).__post_init__()
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,15}(\.[A-Za-z0-9_-]{1,15})?", self.suffix):
            msg = f"{self.id} has the suffix {self.suffix!r}"
            raise PluginError(msg, remedy="use up to 16 letters and digits, such as md")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSpec(Spec):
    """A folder of pages about boards and the records behind them.

    The target is ``(publication: Publication) -> Mapping[str, bytes]``: files by their path below the folder. It must
    be a pure function: equal publications give equal bytes.

    :param cases: whether it shows single cases with their pictures; where not, no data set is opened.
    """

    cases: bool = True
