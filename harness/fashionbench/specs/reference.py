"""Published numbers as data: values that papers and repositories print, with the place and what is known of them.

They are shown apart from what was measured and never ranked with it: the protocol card of a printed number is known in
part at best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

#: How a value came here. What somebody only remembers is no evidence, and such a value is left out.
Evidence: TypeAlias = Literal["paper", "table-copy", "repository", "issue", "secondary"]
EVIDENCE: dict[Evidence, str] = {
    "paper": "read in the full text of the paper that is named",
    "table-copy": "read in a public copy of a paper's table; which paper is said where it is known",
    "repository": "read in, or computed from, files of a public repository",
    "issue": "reported by a user in a repository's issues",
    "secondary": "read only in a summary or on a page that collects results",
}

#: Whose number it is: of the source's own method, quoted by the source from elsewhere, or run again by the source.
Origin: TypeAlias = Literal["own", "quoted", "rerun", "unknown"]


@dataclass(frozen=True, slots=True)
class ReferenceSource:
    """Where a number is printed.

    :param title: the title of the paper, or the name of the repository and file.
    :param identifier: such as ``arXiv:2408.11305``; None where it is not known. Never an address.
    """

    title: str
    identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceValue:
    """One printed number.

    :param system: the method that the number is about.
    :param table: the table of the source; None where it is not known.
    :param row: the row of that table, and ``column`` its column.
    :param printed: the text as printed, digits and trailing zeros included.
    :param number: the same in the unit of the metric here; None where the printed scale is not known.
    :param scale: what the metric is multiplied by in print, 100 for per cent; None where it is not known.
    :param tasks: the tasks beside which it is shown.
    :param known: fields of the protocol card that are known of it, as pairs of name and value.
    :param unknown: fields of the protocol card that decide the number and are not known.
    :param caveat: what a reader must know besides; None where there is nothing.
    :param mean_of: the columns of the same row whose mean it is said to be.
    :param misprint: what these columns give, where it is not what is printed.
    """

    system: str
    source: ReferenceSource
    table: str | None
    row: str
    column: str
    origin: Origin
    printed: str
    number: float | None
    unit: str
    scale: float | None
    tasks: tuple[str, ...]
    metric: str
    slice: str
    known: tuple[tuple[str, str], ...]
    unknown: tuple[str, ...]
    evidence: Evidence
    caveat: str | None = None
    mean_of: tuple[str, ...] = ()
    misprint: str | None = None

    @property
    def locator(self) -> str:
        """Where in the source it stands, without the column."""
        return f"{self.table or 'table not known'}, row {self.row}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceSpec:
    """The published numbers of one benchmark.

    :param id: a name such as ``published/fashion-iq``.
    """

    id: str
    title: str
    summary: str
    values: tuple[ReferenceValue, ...]
