"""Polyvore Outfits (Vasileva et al., ECCV 2018): which item completes an outfit, and do items go together.

``<version>/{train,valid,test}.json`` lists outfits; ``fill_in_blank_test.json`` holds questions whose right answer is
the one of the question's own outfit; ``compatibility_test.txt`` has a label and items a line. An item is named
``<set>_<index>``. What describes the items is read by :mod:`fashionbench_tasks.datasets.polyvore_metadata`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.image_folder import ImageFolder
from fashionbench_tasks.datasets.polyvore_metadata import FILE as METADATA
from fashionbench_tasks.datasets.polyvore_metadata import metadata_file, read_metadata
from fashionbench_tasks.datasets.readers import first_of, read_entries, read_text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from fashionbench_tasks.datasets.polyvore_metadata import ItemMetadata

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
        """Read the items of each outfit by index.

        :raises DataError: naming the entry that lacks a value, or the outfit or index that stands twice.
        """
        path = self.folder / f"{split}.json"
        outfits: dict[str, dict[int, str]] = {}
        entry_of: dict[str, int] = {}
        for number, entry in enumerate(read_entries(path, {"set_id": (str, int), "items": list})):
            name = str(entry["set_id"])
            first = entry_of.setdefault(name, number)
            if first != number:
                msg = f"{path}, entry {number} is of the set_id {name!r}, and so is entry {first}"
                raise DataError(msg, remedy="keep one of the two, or give each outfit a set_id of its own")
            outfits[name] = _items_of(entry["items"], f"{path}, entry {number}", name)
        return outfits

    def questions(self) -> list[Question]:
        """Return the fill-in-the-blank questions of the test split.

        An outfit may hold an item at two places, and so may a question; see :func:`repeated_items`.

        :raises DataError: where not exactly one answer is of the question's outfit, a place stands twice, an item
            stands twice that its outfit holds once, the position of the blank is not in the outfit, or a question
            stands twice.
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
            _check_repetitions(entry, names, right[0], place)
            _check_blank(entry, outfits[outfit], place)
            first = seen.setdefault((frozenset(entry["question"]), frozenset(entry["answers"])), number)
            if first != number:
                raise DataError(f"{place} is the question of entry {first} again", remedy="drop one of the two")
            questions.append(Question(f"blank-{number:05d}", items, candidates, names[right[0]]))
        return questions

    def compatibility(self) -> list[Outfit]:
        """Return the labelled sets of the test split; one that stands again is kept, see :func:`repetitions`.

        :raises DataError: naming the line whose label is neither 0 nor 1, that has fewer than two items, or that labels
            the items of another line the other way.
        """
        names = self._names("test")
        path = self.folder / "compatibility_test.txt"
        outfits: list[Outfit] = []
        seen: dict[frozenset[str], tuple[int, str]] = {}
        for number, line in enumerate(read_text(path).split("\n"), 1):
            label, *wanted = line.split() or [""]
            if not label:
                continue
            place = f"{path}, line {number}"
            if label not in {"0", "1"}:
                raise DataError(f"{place}: the label is {label!r}", remedy="it must be 0 or 1")
            items = _known(wanted, names, place)
            if len(set(items)) < 2:
                told = f"one item alone, {items[0]}" if items else "no items"
                raise DataError(f"{place} has {told}, and a set needs two", remedy="mend or drop the line")
            first, other = seen.setdefault(frozenset(items), (number, label))
            if other != label:
                msg = f"{place} labels with {label} the items that line {first} labels with {other}"
                raise DataError(msg, remedy="drop the wrong one of the two lines")
            outfits.append(Outfit(f"outfit-{number:05d}", items, label == "1"))
        return outfits

    def metadata(self, items: Collection[str]) -> dict[str, ItemMetadata]:
        """Return what is said of some items.

        :raises DataError: where the file is missing, or says nothing of one of them.
        """
        return read_metadata(metadata_file(self.root), items)

    def _names(self, split: str) -> dict[str, str]:
        return {f"{name}_{at}": item for name, items in self._read(split).items() for at, item in items.items()}

    def _present(self) -> list[str]:
        return [split for split in ("train", "valid", "test") if (self.folder / f"{split}.json").is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return the photo of every item of every outfit."""
        names = {item for split in self._present() for items in self.outfits(split).values() for item in items}
        return {name: self.files.path(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return outfits, questions and labels, and the metadata of items where they are there."""
        described = metadata_file(self.root)
        return {**self.questions_files(), **({METADATA: described} if described.is_file() else {})}

    def questions_files(self) -> Mapping[str, Path]:
        """Return outfits, questions and labels, which are all that the tasks without categories read."""
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


def repetitions(outfits: Sequence[Outfit]) -> dict[str, str]:
    """Count the labelled sets that stand again, in whatever order of items, and those that name an item twice."""
    first: dict[frozenset[str], str] = {}
    again = [
        f"{outfit.id} ({earlier})"
        for outfit in outfits
        if (earlier := first.setdefault(frozenset(outfit.items), outfit.id)) != outfit.id
    ]
    twice = [outfit.id for outfit in outfits if len(set(outfit.items)) != len(outfit.items)]
    counted = {"labelled sets that stand again": again, "labelled sets that name an item twice": twice}
    return _counted(counted, len(outfits))


def repeated_items(questions: Sequence[Question], *, choices: bool = True) -> dict[str, str]:
    """Count the questions in which an item stands twice, as it does where its outfit holds it at two places.

    :param choices: whether the wrong choices of the questions are offered.
    """
    shown = [q.id for q in questions if len(set(q.items)) != len(q.items)]
    offered = [q.id for q in questions if len(set(q.candidates)) != len(q.candidates)]
    given_away = [q.id for q in questions if q.answer in q.items]
    counted = {
        "questions that show an item twice": shown,
        "questions that offer a wrong item twice": offered if choices else [],
        "questions that show the item that is their answer": given_away,
    }
    return _counted(counted, len(questions))


def _counted(counted: Mapping[str, Sequence[str]], total: int) -> dict[str, str]:
    return {
        what: f"{len(named)} of {total}, each counted as it stands: {first_names(named)}"
        for what, named in counted.items()
        if named
    }


def _check_repetitions(entry: Mapping[str, Any], names: Mapping[str, str], right: str, place: str) -> None:
    """Refuse a question in which an item stands twice, other than at two places of one outfit.

    :raises DataError: naming what stands twice.
    """
    asked, offered = entry["question"], entry["answers"]
    items, candidates = ([names[name] for name in listed] for listed in (asked, offered))
    if _stands_twice(offered, names) or candidates.count(names[right]) > 1:
        raise DataError(f"{place} offers an item twice among {', '.join(candidates)}", remedy="mend or drop it")
    if _stands_twice(asked, names):
        raise DataError(f"{place} shows an item twice among {', '.join(items)}", remedy="mend or drop it")
    if names[right] in items and _stands_twice([*asked, right], names):
        msg = f"{place} shows its right answer {right!r} (item {names[right]}) among its items"
        raise DataError(msg, remedy="mend or drop it")


def _stands_twice(listed: Sequence[str], names: Mapping[str, str]) -> bool:
    """Tell whether a place stands twice, or an item at places of two outfits."""
    outfits = {(names[name], name.rpartition("_")[0]) for name in listed}
    return len(set(listed)) != len(listed) or len(outfits) != len({item for item, _ in outfits})


def _items_of(listed: Sequence[object], place: str, outfit: str) -> dict[int, str]:
    """Read the items of one outfit by index.

    :raises DataError: where a value is lacking, or an index stands twice.
    """
    items: dict[int, str] = {}
    for item in listed:
        at = _whole_number(item.get("index")) if isinstance(item, dict) else None
        name = item.get("item_id") if isinstance(item, dict) else None
        if at is None or not isinstance(name, (str, int)) or isinstance(name, bool):
            raise DataError(f"{place}: an item lacks its index or item_id", remedy="fetch the annotation file again")
        if at in items:
            msg = f"{place}: the outfit of set_id {outfit!r} has two items of the index {at}: {items[at]} and {name}"
            raise DataError(msg, remedy="give each item an index of its own")
        items[at] = str(name)
    return items


def _whole_number(value: object) -> int | None:
    """Return a whole number, or one in digits; None for anything else, such as 1.5, which would be cut to 1."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if type(value) is int else None


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
