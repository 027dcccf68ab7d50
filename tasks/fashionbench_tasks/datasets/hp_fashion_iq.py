"""HP-FashionIQ (QuRe, arXiv 2507.12416): which of two lists of images people prefer for a composed query.

``hpfiq.json`` maps persons to sets of questions, whose parallel lists are ``ref_img_paths``, ``sentences``,
``retrieved_set1`` and ``retrieved_set2`` (each an object with ``img_path``, a list) and ``preferred set``, "1" or "2",
as the publisher's script reads them. Paths end in ``image_data/<category>/<Fashion-IQ id>.jpg``. The file was not seen;
that the second list is written "2" is **assumed**. Images are those of Fashion-IQ, in the folder or in its ``images``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.fashion_iq import FOLDERS
from fashionbench_tasks.datasets.image_folder import ImageFolder
from fashionbench_tasks.datasets.readers import first_of, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LISTS = ("ref_img_paths", "sentences", "retrieved_set1", "retrieved_set2", "preferred set")


@dataclass(frozen=True, slots=True)
class Choice:
    """A person's choice between two lists of images for a composed query."""

    id: str
    person: str
    category: str
    reference: str
    text: str
    lists: tuple[tuple[str, ...], tuple[str, ...]]
    first: bool


class HPFashionIQ:
    """HP-FashionIQ below a root folder, such as that of Fashion-IQ.

    :raises DataError: where the file is not there.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("HP-FashionIQ needs a root folder", remedy="pass --data hp-fashion-iq=FOLDER")
        self.root = root
        self.path = first_of(root, ("hpfiq.json", "HP_FashionIQ/hpfiq.json"), "file of choices")
        self.files = ImageFolder(root, FOLDERS)

    def choices(self) -> list[Choice]:
        """Return the choices in the order of the file.

        :raises DataError: naming the person and the set of questions that is malformed.
        """
        persons = read_json(self.path)
        if not isinstance(persons, dict) or not all(isinstance(sets, dict) for sets in persons.values()):
            raise DataError(f"{self.path} does not map persons to questions", remedy="fetch the file again")
        return [
            choice
            for person, sets in persons.items()
            for name, questions in sets.items()
            for choice in self._of_set(person, name, questions)
        ]

    def _of_set(self, person: str, name: str, questions: Any) -> list[Choice]:
        place = f"{self.path}, person {person}, questions {name}"
        lists: list[Any] = [questions.get(key) for key in _LISTS] if isinstance(questions, dict) else []
        if not lists or not all(isinstance(one, list) and len(one) == len(lists[0]) for one in lists):
            msg = f"{place}: {', '.join(_LISTS)} are not lists of one length"
            raise DataError(msg, remedy="fetch the file again")
        made: list[Choice] = []
        for number, (reference, text, one, two, preferred) in enumerate(zip(*lists, strict=True)):
            where = f"{place}, number {number}"
            if str(preferred) not in {"1", "2"}:
                raise DataError(f"{where}: the preferred set is {preferred!r}", remedy="it must be 1 or 2")
            shown = (_names(one, where), _names(two, where))
            category = PurePosixPath(str(reference)).parent.name
            made.append(
                Choice(
                    id=f"{person}/{name}/{number}",
                    person=person,
                    category=category,
                    reference=_name(reference, where),
                    text=str(text),
                    lists=shown,
                    first=str(preferred) == "1",
                )
            )
        return made

    def images(self) -> Mapping[str, Path]:
        """Return every image that a question shows."""
        names = {name for choice in self.choices() for name in (choice.reference, *choice.lists[0], *choice.lists[1])}
        return {name: self.files.path(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the file of choices."""
        return {"choices": self.path}

    def counts(self) -> Mapping[str, int]:
        """Count choices and persons."""
        choices = self.choices()
        return {"choices": len(choices), "persons": len({choice.person for choice in choices})}

    def extra(self) -> list[str]:
        """Return nothing: the images are those of Fashion-IQ, which counts them itself."""
        return []


def _names(shown: Any, where: str) -> tuple[str, ...]:
    paths = shown.get("img_path") if isinstance(shown, dict) else None
    if not isinstance(paths, list) or not paths:
        raise DataError(f"{where}: a retrieved set has no list img_path", remedy="fetch the file again")
    return tuple(_name(path, where) for path in paths)


def _name(path: Any, where: str) -> str:
    name = PurePosixPath(path).stem if isinstance(path, str) else ""
    if not name:
        raise DataError(f"{where}: {path!r} is no path of an image", remedy="fetch the file again")
    return name
