"""VITON-HD (Choi et al., CVPR 2021): persons and garments at 1024 x 768, with parse maps, poses and agnostic images.

``test_pairs.txt`` is the shuffled, unpaired list; the paired one takes column one twice. Some mirrors add
``test_pairs_unpaired.txt`` or ``test_unpairs.txt``. Parse and agnostic folders carry a version in their name on some
mirrors, and which version made the masks changes the numbers, so it is reported. Facts from shadow2496/VITON-HD and
its users.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS, AnyExtension
from fashionbench_tasks.datasets.readers import first_of, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

EXPECTED = {"pairs/train": 11647, "pairs/test": 2032}
SPLITS = ("train", "test")

#: Conditions by name: places in order of preference, ``{id}`` the person, ``{cloth}`` the garment.
CONDITIONS = {
    "agnostic": ("agnostic-v3.2/{id}.jpg", "agnostic/{id}.jpg"),
    "agnostic-mask": (
        "agnostic-mask/{id}_mask.png",
        "agnostic_mask/{id}_mask.png",
        "agnostic-mask/{id}.png",
        "agnostic_mask/{id}.png",
    ),
    "densepose": ("image-densepose/{id}.jpg", "densepose/{id}.jpg"),
    "openpose": ("openpose_img/{id}_rendered.png", "openpose-img/{id}_rendered.png"),
    "parse": ("image-parse-v3/{id}.png", "image-parse/{id}.png"),
    "cloth-mask": ("cloth-mask/{cloth}.jpg", "cloth-mask/{cloth}.png"),
}


@dataclass(frozen=True, slots=True)
class Pairing:
    """A person and the garment to dress it in, by file stem."""

    person: str
    garment: str


class VitonHD:
    """VITON-HD below a root folder.

    :raises DataError: where there is no list of pairs.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("VITON-HD needs a root folder", remedy="pass --data viton-hd=FOLDER")
        self.root = root
        self._files = AnyExtension()
        first_of(root, ("test_pairs.txt",), "list of pairs")

    def folder(self, split: str) -> Path:
        """Return the folder of a split; a copy of the test split alone may have its folders in the root."""
        flat = split == "test" and not (self.root / split).is_dir() and (self.root / "image").is_dir()
        return self.root if flat else self.root / split

    def pairs(self, split: str, *, paired: bool) -> list[Pairing]:
        """Return a list of pairs.

        :param paired: dress each person in its own garment: column one, twice.
        :raises DataError: naming the line that has other than two names, or a list that stands for the other one.
        """
        name = "test_pairs.txt" if split == "test" else "train_pairs.txt"
        path = self.root / name
        if not paired and split == "test":
            path = first_of(self.root, ("test_pairs_unpaired.txt", "test_unpairs.txt", name), "unpaired list")
        named = read_pairs(path)
        if split == "test":
            check_pairs(named, path)
        # A person who is dressed in several garments is one person in its own.
        pairs = list(dict.fromkeys(Pairing(person, person if paired else garment) for person, garment in named))
        if pairs and not paired and all(pair.person == pair.garment for pair in pairs):
            raise DataError(f"{path} is a paired list, and an unpaired one is needed", remedy="fetch test_pairs.txt")
        return pairs

    def person(self, split: str, name: str) -> Path:
        """Return the photo of a person."""
        return self._files.find(inside(self.folder(split), f"image/{name}.jpg"))

    def garment(self, split: str, name: str) -> Path:
        """Return the photo of a garment."""
        return self._files.find(inside(self.folder(split), f"cloth/{name}.jpg"))

    def conditions(self, split: str, pair: Pairing) -> dict[str, Path]:
        """Return the condition images of a pair that are there."""
        conditions: dict[str, Path] = {}
        for name, places in CONDITIONS.items():
            for place in places:
                place_of_pair = place.format(id=pair.person, cloth=pair.garment)
                path = self._files.find(self.folder(split) / place_of_pair)
                if path.is_file():
                    conditions[name] = path
                    break
        return conditions

    def mask_source(self, split: str) -> str:
        """Name the folder that the agnostic masks come from, or ``none``."""
        for place in CONDITIONS["agnostic-mask"]:
            folder = place.partition("/")[0]
            if (self.folder(split) / folder).is_dir():
                return folder
        return "none"

    def _present(self) -> list[str]:
        return [split for split in SPLITS if (self.root / f"{split}_pairs.txt").is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return the photos of persons and garments of every list."""
        images: dict[str, Path] = {}
        for split in self._present():
            for pair in self.pairs(split, paired=True):
                images[f"{split}/image/{pair.person}"] = self.person(split, pair.person)
                images[f"{split}/cloth/{pair.garment}"] = self.garment(split, pair.garment)
        return images

    def annotations(self) -> Mapping[str, Path]:
        """Return the lists of pairs."""
        return {f"pairs/{split}": self.root / f"{split}_pairs.txt" for split in self._present()}

    def counts(self) -> Mapping[str, int]:
        """Count pairs."""
        return {f"pairs/{split}": len(read_pairs(self.root / f"{split}_pairs.txt")) for split in self._present()}

    def extra(self) -> list[str]:
        """List person photos that no list names."""
        known = set(self.images().values())
        folders = [self.folder(split) / "image" for split in self._present()]
        files = [path for folder in folders for path in folder.glob("*") if path.suffix.lower() in EXTENSIONS]
        return sorted(str(path.relative_to(self.root)) for path in files if path not in known)


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read lines of two file names and give back their stems; a third field is passed over.

    :raises DataError: naming the line.
    """
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        parts = line.split()
        if not parts:
            continue
        if len(parts) < 2:
            raise DataError(f"{path}, line {number}: expected a person and a garment", remedy="mend the line")
        for name in parts[:2]:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise DataError(f"{path}, line {number}: {name!r} leads out of the folder", remedy="mend the line")
        pairs.append((_stem(parts[0]), _stem(parts[1])))
    return pairs


def check_pairs(pairs: Sequence[tuple[str, str]], path: Path) -> None:
    """Check that a list names each pair once; a person may be dressed in several garments.

    :raises DataError: naming the first that stands twice.
    """
    seen: set[tuple[str, str]] = set()
    for person, garment in pairs:
        if (person, garment) in seen:
            msg = f"{path} names the person {person} twice, in the garment {garment}"
            raise DataError(msg, remedy="remove one of the two")
        seen.add((person, garment))


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
