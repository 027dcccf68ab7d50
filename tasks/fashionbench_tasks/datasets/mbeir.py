"""Fashion200K in M-BEIR (Wei et al., ECCV 2024): the cross-modal tasks 0 (text to image) and 3 (image to text).

Files are ``query/test``, ``cand_pool/local`` and ``qrels/test``, named ``mbeir_fashion200k_task<n>_*``. Facts from
TIGER-Lab/M-BEIR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import ImagePaths
from fashionbench_tasks.datasets.readers import first_of, read_lines, read_text, unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
#: Published counts of the M-BEIR files (descriptive statistics of mteb).
EXPECTED = {
    "queries/task0": 1719,
    "candidates/task0": 201824,
    "positives/task0": 4847,
    "queries/task3": 4889,
    "candidates/task3": 61707,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A query or a candidate of M-BEIR: a text, an image, or both; an image is a path below the root."""

    id: str
    text: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One M-BEIR task.

    :param repeated: judgements that stand in several lines with one value, as query and candidate.
    """

    queries: list[Entry]
    candidates: list[Entry]
    qrels: Mapping[str, list[str]] = field(default_factory=dict)
    repeated: tuple[tuple[str, str], ...] = ()


class MBeir:
    """The Fashion200K tasks of M-BEIR below a root folder."""

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("M-BEIR needs a root folder", remedy="pass --data fashion200k-mbeir=FOLDER")
        self.root = root = unwrapped(root, ("query/test",))
        first_of(root, ("query/test",), "folder of queries")
        self.files = ImagePaths(root)

    def task(self, number: int) -> Task:
        """Read one task: 0 is text to image, 3 is image to text.

        :raises DataError: naming file and line.
        """
        files = self._files(number)
        queries = _entries(files["query"], "qid", "query_txt", "query_img_path")
        candidates = _entries(files["pool"], "did", "txt", "img_path")
        qrels, repeated = _qrels(files["qrels"])
        return Task(queries, candidates, qrels, repeated)

    def path(self, name: str) -> Path:
        """Return the file of an image, or where it would be if it were there."""
        return self.files.path(name)

    def qrels_path(self, number: int) -> Path:
        """Return the file of judgements of a task."""
        return self._files(number)["qrels"]

    def _files(self, number: int) -> dict[str, Path]:
        name = f"mbeir_fashion200k_task{number}"
        return {
            "query": self.root / "query" / "test" / f"{name}_test.jsonl",
            "pool": self.root / "cand_pool" / "local" / f"{name}_cand_pool.jsonl",
            "qrels": self.root / "qrels" / "test" / f"{name}_test_qrels.txt",
        }

    def _present(self) -> list[int]:
        return [number for number in (0, 3) if self._files(number)["query"].is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image of every task, by the path that the files give."""
        tasks = [self.task(number) for number in self._present()]
        names = {entry.image for task in tasks for entry in (*task.queries, *task.candidates) if entry.image}
        return {name: self.path(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return queries, pools and qrels."""
        return {f"{kind}/{n}": path for n in self._present() for kind, path in self._files(n).items()}

    def counts(self) -> Mapping[str, int]:
        """Count queries, candidates and positives."""
        counts: dict[str, int] = {}
        for number in self._present():
            task = self.task(number)
            counts[f"queries/task{number}"] = len(task.queries)
            counts[f"candidates/task{number}"] = len(task.candidates)
            counts[f"positives/task{number}"] = sum(map(len, task.qrels.values()))
        return counts

    def extra(self) -> list[str]:
        """M-BEIR shares its image folder among data sets, so nothing counts as extra."""
        return []


def _entries(path: Path, key: str, text: str, image: str) -> list[Entry]:
    entries = [Entry(row[key], row.get(text) or "", row.get(image) or "") for row in read_lines(path, {key: str})]
    for entry in entries:
        if not entry.text and not entry.image:
            raise DataError(f"{path}: {entry.id} has neither text nor image", remedy="fetch the file again")
    return entries


def _qrels(path: Path) -> tuple[dict[str, list[str]], tuple[tuple[str, str], ...]]:
    """Read judgements: query, 0, candidate, relevance, as TREC has them; or BEIR's three columns below their names.

    Further fields are passed over. What stands twice with one value counts once.

    :returns: the positives of each query, and the judgements that stand in several lines.
    :raises DataError: naming the line that has too few fields, or contradicts an earlier one.
    """
    relevance: dict[tuple[str, str], int] = {}
    repeated: dict[tuple[str, str], None] = {}
    three = False
    for number, line in enumerate(read_text(path).split("\n"), 1):
        parts = line.split()
        if not parts:
            continue
        if number == 1 and parts[:3] == ["query-id", "corpus-id", "score"]:
            three = True
            continue
        fields = [parts[0], *parts[1:3]] if three and len(parts) == 3 else [parts[0], *parts[2:4]]
        if len(parts) < 3 + (not three) or not fields[2].lstrip("-").isdigit():
            raise DataError(f"{path}, line {number}: expected query 0 candidate relevance", remedy="mend the line")
        pair, value = (fields[0], fields[1]), int(fields[2])
        if pair in relevance:
            repeated[pair] = None
        if relevance.setdefault(pair, value) != value:
            msg = f"{path}, line {number}: {pair[1]} for {pair[0]} has the relevance {value}, {relevance[pair]} before"
            raise DataError(msg, remedy="keep one of the two")
    qrels: dict[str, list[str]] = {}
    for (query, candidate), value in relevance.items():
        if value > 0:
            qrels.setdefault(query, []).append(candidate)
    return qrels, tuple(repeated)
