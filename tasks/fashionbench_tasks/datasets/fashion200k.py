"""Fashion200K (Han et al., ICCV 2017), and its cross-modal version in M-BEIR (Wei et al., ECCV 2024).

``labels/<category>_<split>_detect_all.txt`` is tab-separated: image path, detection score, description; the images
are the cropped ones, below ``women/``. M-BEIR keeps ``query/test``, ``cand_pool/local`` and ``qrels/test``; task 0 is
text to image, task 3 image to text. Facts from xthan/fashion-200k and TIGER-Lab/M-BEIR.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.readers import first_of, read_lines, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATEGORIES = ("dress", "jacket", "pants", "skirt", "top")
SPLITS = ("train", "test")

#: Published counts of the M-BEIR files (descriptive statistics of mteb).
MBEIR_EXPECTED = {
    "queries/task0": 1719,
    "candidates/task0": 201824,
    "positives/task0": 4847,
    "queries/task3": 4889,
    "candidates/task3": 61707,
}


@dataclass(frozen=True, slots=True)
class Photo:
    """A cropped photo with its description."""

    id: str
    product: str
    category: str
    description: str
    score: float


class Fashion200K:
    """The label files below a root folder.

    :raises DataError: where there is no folder of labels.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("Fashion200K needs a root folder", remedy="pass --data fashion200k=FOLDER")
        self.root = root
        self._labels = first_of(root, ("labels",), "folder of labels")

    def photos(self, category: str, split: str) -> list[Photo]:
        """Return the photos of a category in the order of the file.

        :raises DataError: naming the line that has other than three fields, or a score that is no number.
        """
        path = self._file(category, split)
        found: list[Photo] = []
        for number, line in enumerate(read_text(path).split("\n"), 1):
            if not line.strip():
                continue
            parts = line.split("\t")
            try:
                name, score, description = parts[0], float(parts[1]), parts[2].strip()
            except (IndexError, ValueError) as error:
                raise DataError(f"{path}, line {number}: expected path, score, text", remedy="mend the line") from error
            if not isfinite(score):
                raise DataError(f"{path}, line {number}: the score is {score}", remedy="mend or drop the line")
            inside(self.root, name)
            product = name.split("/")[-2] if name.count("/") else name
            found.append(Photo(name, product, category, description, score))
        return found

    def path(self, name: str) -> Path:
        """Return the file of a photo."""
        return inside(self.root, name)

    def _file(self, category: str, split: str) -> Path:
        return self._labels / f"{category}_{split}_detect_all.txt"

    def _present(self) -> list[tuple[str, str]]:
        return [(c, s) for c in CATEGORIES for s in SPLITS if self._file(c, s).is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image that a label names."""
        return {p.id: self.path(p.id) for category, split in self._present() for p in self.photos(category, split)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the label files."""
        return {f"labels/{c}/{s}": self._file(c, s) for c, s in self._present()}

    def counts(self) -> Mapping[str, int]:
        """Count photos by category and split."""
        return {f"photos/{c}/{s}": len(self.photos(c, s)) for c, s in self._present()}

    def extra(self) -> list[str]:
        """List images below ``women`` that no label names."""
        known = {path.resolve() for path in self.images().values()}
        files = (self.root / "women").rglob("*.jp*g")
        return sorted(str(path.relative_to(self.root)) for path in files if path.resolve() not in known)


@dataclass(frozen=True, slots=True)
class Entry:
    """A query or a candidate of M-BEIR: a text, an image, or both; an image is a path below the root."""

    id: str
    text: str = ""
    image: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """One M-BEIR task."""

    queries: list[Entry]
    candidates: list[Entry]
    qrels: Mapping[str, list[str]] = field(default_factory=dict)


class MBeir:
    """The Fashion200K tasks of M-BEIR below a root folder."""

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("M-BEIR needs a root folder", remedy="pass --data fashion200k-mbeir=FOLDER")
        self.root = root
        first_of(root, ("query/test",), "folder of queries")

    def task(self, number: int) -> Task:
        """Read one task: 0 is text to image, 3 is image to text.

        :raises DataError: naming file and line.
        """
        files = self._files(number)
        queries = _entries(files["query"], "qid", "query_txt", "query_img_path")
        candidates = _entries(files["pool"], "did", "txt", "img_path")
        return Task(queries, candidates, _qrels(files["qrels"]))

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
        return {name: inside(self.root, name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return queries, pools and qrels."""
        return {f"{kind}/{n}": path for n in self._present() for kind, path in self._files(n).items()}

    def counts(self) -> Mapping[str, int]:
        """Count queries, candidates and positives."""
        found: dict[str, int] = {}
        for number in self._present():
            task = self.task(number)
            found[f"queries/task{number}"] = len(task.queries)
            found[f"candidates/task{number}"] = len(task.candidates)
            found[f"positives/task{number}"] = sum(map(len, task.qrels.values()))
        return found

    def extra(self) -> list[str]:
        """M-BEIR shares its image folder among data sets, so nothing counts as extra."""
        return []


def _entries(path: Path, key: str, text: str, image: str) -> list[Entry]:
    found = [Entry(row[key], row.get(text) or "", row.get(image) or "") for row in read_lines(path, {key: str})]
    for entry in found:
        if not entry.text and not entry.image:
            raise DataError(f"{path}: {entry.id} has neither text nor image", remedy="fetch the file again")
    return found


def _qrels(path: Path) -> dict[str, list[str]]:
    """Read lines of query, 0, candidate, relevance; further fields are passed over."""
    found: dict[str, list[str]] = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) < 4 or not parts[3].lstrip("-").isdigit():
            raise DataError(f"{path}, line {number}: expected query 0 candidate relevance", remedy="mend the line")
        if int(parts[3]) > 0:
            found.setdefault(parts[0], []).append(parts[2])
    return found
