"""Polyvore Outfits (Vasileva et al., ECCV 2018): which item completes an outfit, and do items go together.

``<version>/{train,valid,test}.json`` lists outfits; ``fill_in_blank_test.json`` holds questions whose right answer is
the one of the question's own outfit; ``compatibility_test.txt`` has a label and items a line. An item is named
``<set>_<index>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.annotation import first_of, read_entries
from fashionbench_tasks.datasets.images import ImageFolder

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Not checked against the files here, so nothing is expected.
EXPECTED: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Question:
    """Fill in the blank: the items of an outfit without one, and the candidates for it, by item id."""

    id: str
    items: tuple[str, ...]
    candidates: tuple[str, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Outfit:
    """Items that go together, or do not."""

    id: str
    items: tuple[str, ...]
    compatible: bool


class Polyvore:
    """Polyvore Outfits below a root folder, in one of its versions.

    :raises DataError: where the version is not there.
    """

    def __init__(self, root: Path | None, version: str = "nondisjoint") -> None:
        if root is None:
            raise DataError("Polyvore needs a root folder", remedy="pass --data polyvore=FOLDER")
        self.root = root
        self.folder = first_of(root, (version, f"polyvore_outfits/{version}"), f"folder {version}")
        self.files = ImageFolder(root, ("images", "polyvore_outfits/images"))

    def outfits(self, split: str) -> dict[str, tuple[str, ...]]:
        """Return the items of each outfit of a split, in order."""
        keys: dict[str, type | tuple[type, ...]] = {"set_id": (str, int), "items": list}
        found: dict[str, tuple[str, ...]] = {}
        for entry in read_entries(self.folder / f"{split}.json", keys):
            items = sorted(entry["items"], key=lambda item: int(item["index"]))
            found[str(entry["set_id"])] = tuple(str(item["item_id"]) for item in items)
        return found

    def questions(self) -> list[Question]:
        """Return the fill-in-the-blank questions of the test split.

        :raises DataError: where not exactly one answer is of the question's outfit.
        """
        names = self._names("test")
        path = self.folder / "fill_in_blank_test.json"
        found: list[Question] = []
        for number, entry in enumerate(read_entries(path, {"question": list, "answers": list})):
            own = entry["question"][0].rpartition("_")[0]
            right = [answer for answer in entry["answers"] if answer.rpartition("_")[0] == own]
            if len(right) != 1:
                raise DataError(f"{path}, entry {number} has {len(right)} right answers", remedy="mend or drop it")
            items = tuple(names[name] for name in entry["question"])
            candidates = tuple(names[name] for name in entry["answers"])
            found.append(Question(f"blank-{number:05d}", items, candidates, names[right[0]]))
        return found

    def compatibility(self) -> list[Outfit]:
        """Return the labelled outfits of the test split.

        :raises DataError: naming the line whose label is neither 0 nor 1.
        """
        names = self._names("test")
        path = self.folder / "compatibility_test.txt"
        found: list[Outfit] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            parts = line.split()
            if not parts:
                continue
            if parts[0] not in {"0", "1"}:
                raise DataError(f"{path}, line {number}: the label is {parts[0]!r}", remedy="it must be 0 or 1")
            items = tuple(names[name] for name in parts[1:])
            found.append(Outfit(f"outfit-{number:05d}", items, parts[0] == "1"))
        return found

    def _names(self, split: str) -> dict[str, str]:
        keys: dict[str, type | tuple[type, ...]] = {"set_id": (str, int), "items": list}
        return {
            f"{entry['set_id']}_{item['index']}": str(item["item_id"])
            for entry in read_entries(self.folder / f"{split}.json", keys)
            for item in entry["items"]
        }

    def _present(self) -> list[str]:
        return [split for split in ("train", "valid", "test") if (self.folder / f"{split}.json").is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return the photo of every item of every outfit."""
        names = {item for split in self._present() for items in self.outfits(split).values() for item in items}
        return {name: self.files.path(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return outfits, questions and labels."""
        names = [f"{split}.json" for split in self._present()]
        names += [n for n in ("fill_in_blank_test.json", "compatibility_test.txt") if (self.folder / n).is_file()]
        return {name: self.folder / name for name in names}

    def counts(self) -> Mapping[str, int]:
        """Count outfits, and what the test split asks."""
        found = {f"outfits/{split}": len(self.outfits(split)) for split in self._present()}
        if (self.folder / "fill_in_blank_test.json").is_file():
            found["questions/test"] = len(self.questions())
        if (self.folder / "compatibility_test.txt").is_file():
            found["labelled/test"] = len(self.compatibility())
        return found

    def extra(self) -> list[str]:
        """List image files of no outfit."""
        return self.files.extra(self.images())
