"""Dress Code (Morelli et al., ECCV 2022): three categories of garments with full-body persons, 1024 x 768.

Garment photos (``<id>_1.jpg``) lie in the same folder as person photos (``<id>_0.jpg``): a distance to the whole
folder measures garments too. The lists name category 0, 1, 2 for dresses, upper_body, lower_body in a third column,
or stand in the category's folder. Facts from aimagelab/dress-code and ladi-vton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS, AnyExtension
from fashionbench_tasks.datasets.readers import first_of
from fashionbench_tasks.datasets.viton_hd import check_pairs, read_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATEGORIES = ("dresses", "lower_body", "upper_body")
EXPECTED = {f"pairs/{category}/test": 1800 for category in CATEGORIES} | {"pairs/test": 5400}
_CONDITIONS = {
    "agnostic-mask": ("agnostic_masks/{stem}.png", "agnostic_masks/{stem}_0.png"),
    "densepose": ("dense/{stem}_5.png",),
    "openpose": ("skeletons/{stem}_5.jpg",),
    "parse": ("label_maps/{stem}_4.png",),
}


@dataclass(frozen=True, slots=True)
class Pairing:
    """A person and the garment to dress it in, by file stem such as ``000012_0`` and ``000012_1``."""

    category: str
    person: str
    garment: str

    @property
    def id(self) -> str:
        """The category and the person."""
        return f"{self.category}/{self.person}"


class DressCode:
    """Dress Code below a root folder.

    :raises DataError: where none of the three categories is there.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("Dress Code needs a root folder", remedy="pass --data dress-code=FOLDER")
        self.root = root
        self._files = AnyExtension()
        first_of(root, CATEGORIES, "folder of a category")

    def pairs(self, category: str, split: str, *, paired: bool) -> list[Pairing]:
        """Return the list of pairs of a category.

        :raises DataError: where the list is missing, or the paired and the unpaired list stand for each other.
        """
        name = "train_pairs.txt" if split == "train" else f"test_pairs_{'paired' if paired else 'unpaired'}.txt"
        path = self.root / category / name
        named = read_pairs(path)
        if split == "test":
            check_pairs(named, path)
        pairs = [Pairing(category, person, garment) for person, garment in named]
        paired_count = sum(_number(pair.person) == _number(pair.garment) for pair in pairs)
        if pairs and (paired_count == len(pairs)) != paired:
            wanted = "paired" if paired else "unpaired"
            raise DataError(
                f"{path} is not {wanted}: {paired_count} of {len(pairs)} persons wear their own",
                remedy="fetch it again",
            )
        return pairs

    def test_pairs(self, *, paired: bool) -> list[Pairing]:
        """Return the test pairs of every category whose folder is there, category by category.

        :raises DataError: where a list is missing, is of the other kind, or names no pair.
        """
        found: list[Pairing] = []
        for category in CATEGORIES:
            if not (self.root / category).is_dir():
                continue
            pairs = self.pairs(category, "test", paired=paired)
            if not pairs:
                msg = f"the list of test pairs of {category} in {self.root} names no pair"
                raise DataError(msg, remedy="fetch it again, or remove the folder of the category")
            found += pairs
        return found

    def photo(self, category: str, stem: str) -> Path:
        """Return the photo of a person or a garment."""
        return self._files.find(inside(self.root, f"{category}/images/{stem}.jpg"))

    def conditions(self, pair: Pairing) -> dict[str, Path]:
        """Return the condition images of a pair that are there."""
        conditions: dict[str, Path] = {}
        for name, places in _CONDITIONS.items():
            for place in places:
                path = self._files.find(self.root / pair.category / place.format(stem=_number(pair.person)))
                if path.is_file() and name not in conditions:
                    conditions[name] = path
        return conditions

    def _present(self) -> list[tuple[str, str]]:
        names = ("test_pairs_paired.txt", "test_pairs_unpaired.txt", "train_pairs.txt")
        return [(c, name) for c in CATEGORIES for name in names if (self.root / c / name).is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return the photos that a list names."""
        stems = {
            (category, stem)
            for category, name in self._present()
            for pair in read_pairs(self.root / category / name)
            for stem in pair
        }
        return {f"{category}/{stem}": self.photo(category, stem) for category, stem in sorted(stems)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the lists of pairs."""
        return {f"{category}/{name}": self.root / category / name for category, name in self._present()}

    def counts(self) -> Mapping[str, int]:
        """Count test pairs."""
        tests = [(c, n) for c, n in self._present() if n == "test_pairs_paired.txt"]
        counts = {f"pairs/{c}/test": len(read_pairs(self.root / c / n)) for c, n in tests}
        return counts | {"pairs/test": sum(counts.values())}

    def extra(self) -> list[str]:
        """List photos that no list names."""
        known = set(self.images().values())
        files = [
            path
            for category in CATEGORIES
            for path in (self.root / category / "images").glob("*")
            if path.suffix.lower() in EXTENSIONS
        ]
        return sorted(str(path.relative_to(self.root)) for path in files if path not in known)


def _number(stem: str) -> str:
    return stem.rpartition("_")[0] or stem
