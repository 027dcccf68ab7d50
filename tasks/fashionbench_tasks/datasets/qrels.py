"""Relevance judgements (qrels) beside a manifest: a grade for a query and a candidate, a row each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import actual
from fashionbench_tasks.datasets.manifest_rows import RowError, read_rows
from fashionbench_tasks.datasets.readers import read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_TABLES = ("qrels.csv", "qrels.jsonl", "qrels.parquet")
#: Four fields a line without names of columns, or BEIR's three with them.
_TREC = ("qrels.txt", "qrels.trec", "qrels.tsv")
_QUERY = ("query_id", "query", "query-id", "qid", "topic")
_CANDIDATE = ("candidate_id", "candidate", "gallery_id", "image", "corpus-id", "docid", "doc_id", "target")
_GRADE = ("grade", "relevance", "rel", "score")


@dataclass(frozen=True, slots=True)
class Judgement:
    """One row of a file of judgements, as it is written."""

    row: int
    query: str
    candidate: str
    grade: str


@dataclass(frozen=True, slots=True)
class Qrels:
    """The judgements of one file.

    :param unread: rows that cannot be read; only where all that is wrong is asked for.
    """

    path: Path
    judgements: tuple[Judgement, ...]
    unread: tuple[RowError, ...] = ()

    @classmethod
    def beside(cls, root: Path, *, strict: bool = True) -> Qrels | None:
        """Read the judgements in a folder, where there are any.

        :param strict: raise the first row that cannot be read; otherwise such rows are kept apart.
        :raises DataError: where there are two files of them, or the columns are not query, candidate and grade.
        """
        path = qrels_file(root)
        if path is None:
            return None
        read = _trec if path.name.lower() in _TREC else _table
        unread: list[RowError] = []
        judgements = tuple(read(path, unread.append))
        if unread and strict:
            raise unread[0]
        if not judgements and not unread:
            raise DataError(f"{path} has no rows", remedy="write one row a query and candidate, or remove the file")
        return cls(path, judgements, tuple(unread))


def qrels_file(root: Path) -> Path | None:
    """Find the file of judgements in a folder, where there is one.

    :raises DataError: where there are two.
    """
    there = [path for name in (*_TABLES, *_TREC) if (path := actual(root, name)).is_file()]
    if len(there) > 1:
        names = " and ".join(path.name for path in there)
        raise DataError(f"{root} holds {names}", remedy="keep the one that counts")
    return there[0] if there else None


def _table(path: Path, report: Callable[[RowError], object]) -> Iterator[Judgement]:
    for number, row in read_rows(path, report):
        yield Judgement(number, *(row[name].strip() for name in _columns(path, list(row))))


def _trec(path: Path, report: Callable[[RowError], object]) -> Iterator[Judgement]:
    names: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        # Ids with blanks need tabs.
        fields = [part.strip() for part in line.split("\t")] if "\t" in line else line.split()
        if number == 1 and len(fields) == 3:
            names = fields
            order = [names.index(name) for name in _columns(path, names)]
            continue
        if len(fields) != (len(names) or 4):
            wanted = ", ".join(names) or "query, 0, candidate, grade"
            said = f"has {len(fields)} fields, and {wanted} are looked for"
            remedy = "part ids that hold blanks by tabs, or write qrels.csv"
            report(RowError(path, number, said, remedy, unit="line"))
            continue
        yield Judgement(number, *([fields[at] for at in order] if names else [fields[0], *fields[2:]]))


def _columns(path: Path, names: Sequence[str]) -> list[str]:
    """Find the columns of query, candidate and grade.

    :raises DataError: naming those that are there, where one is missing.
    """
    found = [[name for name in known if name in names] for known in (_QUERY, _CANDIDATE, _GRADE)]
    if not all(found):
        msg = f"{path} has the columns {', '.join(names)}"
        raise DataError(msg, remedy="name them query_id, candidate_id and grade")
    return [one[0] for one in found]
