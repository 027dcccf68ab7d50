"""Fashion200K (Han et al., ICCV 2017): cropped product photos with short descriptions.

``labels/<category>_<split>_detect_all.txt`` is tab-separated: image path, detection score, description; the images
are the cropped ones, below ``women/``. Facts from xthan/fashion-200k.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import ImagePaths
from fashionbench_tasks.datasets.readers import first_of, read_text, unwrapped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


CATEGORIES = ("dress", "jacket", "pants", "skirt", "top")
SPLITS = ("train", "test")


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
        self.root = root = unwrapped(root, ("labels",))
        self.files = ImagePaths(root)
        self._labels = first_of(root, ("labels",), "folder of labels")

    def photos(self, category: str, split: str) -> list[Photo]:
        """Return the photos of a category in the order of the file.

        :raises DataError: naming the line that has other than three fields, or a score that is no number.
        """
        path = self._file(category, split)
        photos: list[Photo] = []
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
            photos.append(Photo(name, product, category, description, score))
        return photos

    def path(self, name: str) -> Path:
        """Return the file of a photo."""
        return self.files.path(name)

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
