"""Fashion-IQ-Cap: one caption an image of Fashion-IQ, as UniFashion released it beside its code.

``next_llava.<split>.<category>.caption.json`` (or ``<split>.<category>.caption.json``) is a list of objects with
``image`` (a Fashion-IQ id, with or without suffix), ``caption`` and ``text_guidance``: the words that the captioning
model was shown. Where these hold a query of Fashion-IQ, the caption of its target holds the answer to it; the released
val files do so for every target. Images lie as in Fashion-IQ, in the same folder or in its ``images``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.fashion_iq import CATEGORIES, FOLDERS
from fashionbench_tasks.datasets.image_folder import ImageFolder
from fashionbench_tasks.datasets.readers import first_of, read_entries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SPLITS = ("train", "val")
_STEMS = ("next_llava.{split}.{category}.caption.json", "{split}.{category}.caption.json")

#: Captions of the released val files: one for every image of the val splits.
EXPECTED = {"captions/dress/val": 3817, "captions/shirt/val": 6346, "captions/toptee/val": 5373}


@dataclass(frozen=True, slots=True)
class Described:
    """An image with its caption, and whether the one who wrote it was shown words beside the image."""

    id: str
    caption: str
    guided: bool


class FashionIQCap:
    """Fashion-IQ-Cap below a root folder.

    :raises DataError: where there is no folder of captions.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("Fashion-IQ-Cap needs a root folder", remedy="pass --data fashion-iq-cap=FOLDER")
        self.root = root
        self._captions = first_of(root, ("Fashion-IQ-Cap", "dataset"), "folder of captions")
        self.files = ImageFolder(root, FOLDERS)

    def captions(self, category: str, split: str) -> list[Described]:
        """Return the captions of a category in the order of the file; an image that stands again is left out.

        :raises DataError: where an entry lacks a key.
        """
        entries = read_entries(self._file(category, split), {"image": str, "caption": str})
        captions: dict[str, Described] = {}
        for entry in entries:
            name = PurePosixPath(entry["image"])
            image = name.stem if name.suffix.lower() in {".jpg", ".jpeg", ".png"} else name.name
            captions.setdefault(image, Described(image, entry["caption"].strip(), bool(entry.get("text_guidance"))))
        return list(captions.values())

    def _file(self, category: str, split: str) -> Path:
        names = [stem.format(split=split, category=category) for stem in _STEMS]
        return next((path for name in names if (path := self._captions / name).is_file()), self._captions / names[0])

    def present(self, *splits: str) -> list[tuple[str, str]]:
        """List the categories and splits that are there."""
        return [(c, s) for c in CATEGORIES for s in splits or SPLITS if self._file(c, s).is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image that has a caption."""
        names = {one.id for category, split in self.present() for one in self.captions(category, split)}
        return {name: self.files.path(name) for name in sorted(names)}

    def annotations(self) -> Mapping[str, Path]:
        """Return the caption files."""
        return {f"captions/{c}/{s}": self._file(c, s) for c, s in self.present()}

    def counts(self) -> Mapping[str, int]:
        """Count captions, and those that were written with words in view."""
        counts: dict[str, int] = {}
        for category, split in self.present():
            captions = self.captions(category, split)
            counts[f"captions/{category}/{split}"] = len(captions)
            counts[f"guided/{category}/{split}"] = sum(one.guided for one in captions)
        return counts

    def extra(self) -> list[str]:
        """Return nothing: the images are those of Fashion-IQ, which counts them itself."""
        return []
