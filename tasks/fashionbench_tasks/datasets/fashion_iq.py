"""Fashion-IQ (Wu et al., CVPR 2021): triplets of a reference, two relative captions, and a target.

Layouts in use: ``captions`` (or ``json``), ``image_splits``, and ``images`` (or ``image``,
``img_raw``, ``resized_images``, each with or without a folder a category), with ``.jpg`` or ``.png``. Records of the
test split have no target. Facts from the repository XiaoxiaoGuo/fashion-iq.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import ImageFolder
from fashionbench_tasks.datasets.readers import first_of, read_entries, read_json, unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CATEGORIES = ("dress", "shirt", "toptee")
SPLITS = ("train", "val", "test")
#: Where mirrors keep the images, below the root.
FOLDERS = ("images", "image", "img_raw", "resized_images", *(f"resized_images/{c}" for c in CATEGORIES))

#: Published counts, from the files of the repository.
EXPECTED = {
    f"{what}/{category}/{split}": count
    for what, rows in {
        "triplets": ((5985, 2017, 2024), (5988, 2038, 2038), (6027, 1961, 2056)),
        "images": ((11452, 3817, 3818), (19036, 6346, 6346), (16121, 5373, 5374)),
    }.items()
    for category, row in zip(CATEGORIES, rows, strict=True)
    for split, count in zip(SPLITS, row, strict=True)
} | {"union/dress/val": 2628, "union/shirt/val": 3089, "union/toptee/val": 2902}


@dataclass(frozen=True, slots=True)
class Triplet:
    """A composed query; ``target`` is empty in the test split."""

    id: str
    category: str
    reference: str
    captions: tuple[str, str]
    target: str


class FashionIQ:
    """Fashion-IQ below a root folder.

    :raises DataError: where the folders are not those of Fashion-IQ.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("Fashion-IQ needs a root folder", remedy="pass --data fashion-iq=FOLDER")
        self.root = root = unwrapped(root, ("image_splits",))
        self._captions = first_of(root, ("captions", "json"), "folder of captions")
        self._splits = first_of(root, ("image_splits",), "folder of splits")
        self.files = ImageFolder(root, FOLDERS, self._names)

    def triplets(self, category: str, split: str) -> list[Triplet]:
        """Return the triplets of a category in the order of the file.

        :raises DataError: where an entry has other than two captions, or lacks a key.
        """
        path = self._captions / f"cap.{category}.{split}.json"
        keys: dict[str, type | tuple[type, ...]] = {"candidate": str, "captions": list}
        if split != "test":
            keys["target"] = str
        triplets: list[Triplet] = []
        for number, entry in enumerate(read_entries(path, keys)):
            captions = entry["captions"]
            if len(captions) != 2 or not all(isinstance(text, str) for text in captions):
                raise DataError(f"{path}, entry {number} has not two captions", remedy="mend the entry")
            name = f"{category}-{split}-{number:05d}"
            pair = (captions[0], captions[1])
            triplets.append(Triplet(name, category, entry["candidate"], pair, entry.get("target", "")))
        return triplets

    def split(self, category: str, split: str) -> list[str]:
        """Return the image ids of a split (the "original" gallery).

        :raises DataError: where the file is no list of strings.
        """
        path = self._splits / f"split.{category}.{split}.json"
        names = read_json(path)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise DataError(f"{path} is no list of image ids", remedy="fetch the annotation file again")
        return names

    def union(self, category: str, split: str) -> list[str]:
        """Return the references and targets of a split (the "VAL" gallery), sorted."""
        triplets = self.triplets(category, split)
        return sorted({t.reference for t in triplets} | {t.target for t in triplets if t.target})

    @cached_property
    def _present(self) -> list[tuple[str, str]]:
        pairs = [(category, split) for category in CATEGORIES for split in SPLITS]
        return [(c, s) for c, s in pairs if (self._captions / f"cap.{c}.{s}.json").is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image of every split."""
        return {name: self.files.path(name) for name in sorted(self._names())}

    def _names(self) -> set[str]:
        return {name for category, split in self._present for name in self.split(category, split)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the caption and split files."""
        paths: dict[str, Path] = {}
        for category, split in self._present:
            paths[f"captions/{category}/{split}"] = self._captions / f"cap.{category}.{split}.json"
            paths[f"split/{category}/{split}"] = self._splits / f"split.{category}.{split}.json"
        return paths

    def counts(self) -> Mapping[str, int]:
        """Count triplets, images and the union galleries."""
        counts: dict[str, int] = {}
        for category, split in self._present:
            counts[f"triplets/{category}/{split}"] = len(self.triplets(category, split))
            counts[f"images/{category}/{split}"] = len(self.split(category, split))
            if split == "val":
                counts[f"union/{category}/val"] = len(self.union(category, "val"))
        return counts

    def extra(self) -> list[str]:
        """List image files that no split names."""
        return self.files.extra(self.images())
