"""Polyvore Outfits (Vasileva et al., ECCV 2018): which item completes an outfit, and do items go together.

``<version>/{train,valid,test}.json`` lists outfits; ``fill_in_blank_test.json`` holds questions whose right answer is
the one of the question's own outfit; ``compatibility_test.txt`` has a label and items a line. An item is named
``<set>_<index>``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.image_folder import ImageFolder
from fashionbench_tasks.datasets.readers import first_of, read_entries, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
        return {name: tuple(item for _, item in sorted(items.items())) for name, items in self._read(split).items()}

    def _read(self, split: str) -> dict[str, dict[int, str]]:
        """Read the items of each outfit by index."""
        path = self.folder / f"{split}.json"
        outfits: dict[str, dict[int, str]] = {}
        for number, entry in enumerate(read_entries(path, {"set_id": (str, int), "items": list})):
            try:
                items = {int(item["index"]): str(item["item_id"]) for item in entry["items"]}
            except (TypeError, KeyError, ValueError) as error:
                msg = f"{path}, entry {number}: an item lacks its index or item_id"
                raise DataError(msg, remedy="fetch the annotation file again") from error
            outfits[str(entry["set_id"])] = items
        return outfits

    def questions(self) -> list[Question]:
        """Return the fill-in-the-blank questions of the test split.

        :raises DataError: where not exactly one answer is of the question's outfit, the position of the blank is not in
            it, or a question stands twice.
        """
        names = self._names("test")
        outfits = self._read("test")
        seen: dict[tuple[frozenset[str], frozenset[str]], int] = {}
        path = self.folder / "fill_in_blank_test.json"
        questions: list[Question] = []
        for number, entry in enumerate(read_entries(path, {"question": list, "answers": list})):
            place = f"{path}, entry {number}"
            items = _known(entry["question"], names, place)
            candidates = _known(entry["answers"], names, place)
            if not items:
                raise DataError(f"{place} has no items", remedy="mend or drop it")
            outfit = entry["question"][0].rpartition("_")[0]
            right = [answer for answer in entry["answers"] if answer.rpartition("_")[0] == outfit]
            if len(right) != 1:
                raise DataError(f"{place} has {len(right)} right answers", remedy="mend or drop it")
            if len(set(candidates)) != len(candidates):
                raise DataError(f"{place} offers an item twice among {', '.join(candidates)}", remedy="mend or drop it")
            _check_blank(entry, outfits[outfit], place)
            first = seen.setdefault((frozenset(entry["question"]), frozenset(entry["answers"])), number)
            if first != number:
                raise DataError(f"{place} is the question of entry {first} again", remedy="drop one of the two")
            questions.append(Question(f"blank-{number:05d}", items, candidates, names[right[0]]))
        return questions

    def compatibility(self) -> list[Outfit]:
        """Return the labelled outfits of the test split.

        :raises DataError: naming the line whose label is neither 0 nor 1.
        """
        names = self._names("test")
        path = self.folder / "compatibility_test.txt"
        outfits: list[Outfit] = []
        for number, line in enumerate(read_text(path).split("\n"), 1):
            parts = line.split()
            if not parts:
                continue
            if parts[0] not in {"0", "1"}:
                raise DataError(f"{path}, line {number}: the label is {parts[0]!r}", remedy="it must be 0 or 1")
            items = _known(parts[1:], names, f"{path}, line {number}")
            outfits.append(Outfit(f"outfit-{number:05d}", items, parts[0] == "1"))
        return outfits

    def _names(self, split: str) -> dict[str, str]:
        return {f"{name}_{at}": item for name, items in self._read(split).items() for at, item in items.items()}

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
        counts = {f"outfits/{split}": len(self.outfits(split)) for split in self._present()}
        if (self.folder / "fill_in_blank_test.json").is_file():
            counts["questions/test"] = len(self.questions())
        if (self.folder / "compatibility_test.txt").is_file():
            counts["labelled/test"] = len(self.compatibility())
        return counts

    def extra(self) -> list[str]:
        """List image files of no outfit."""
        return self.files.extra(self.images())


def _known(wanted: Sequence[object], names: Mapping[str, str], place: str) -> tuple[str, ...]:
    """Look up items by their names ``<set>_<index>``."""
    unknown = [name for name in wanted if not isinstance(name, str) or name not in names]
    if unknown:
        raise DataError(f"{place} names {unknown[0]!r}, which no outfit of the split has", remedy="mend or drop it")
    return tuple(names[str(name)] for name in wanted)


def _check_blank(entry: Mapping[str, object], outfit: Mapping[int, str], place: str) -> None:
    """Check that the position of a blank, where a question has one, is in its outfit: an index, or a place from 1.

    :raises DataError: naming the position.
    """
    position = entry.get("blank_position")
    if position is None or (type(position) is int and (position in outfit or 1 <= position <= len(outfit))):
        return
    msg = f"{place}: blank_position is {position!r}, and the outfit has the positions {first_names(sorted(outfit), 10)}"
    raise DataError(msg, remedy="mend or drop it")
