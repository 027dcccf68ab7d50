"""OpenVTON (Li et al., 2026, arXiv 2601.22725): triplets of a garment, a mask and the person who wears the garment.

Two layouts are published by RenxingIntelligence. The whole set has Parquet files with embedded images, of which those
of the training part are listed as ``train/train-00000-of-00018.parquet`` and so on; the review set of 100 triplets has
folders ``source``, ``mask`` and ``target`` and one line a triplet in ``matedata.jsonl`` (spelt so). In both the fields
are ``source`` (the garment), ``mask`` (a segmentation of the garment), ``target`` (the person), ``caption`` and
``category``. Facts from the publisher's data cards; the files themselves were not seen.

**Not known**: which of the two photos the mask lies over, and the sizes of the images. **Assumed**: that it lies over
the target, for that is where a model paints; a mask of another shape than the target is refused. Also assumed: that
``validation`` and ``test`` are named as ``train`` is. There is no list of unpaired garments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fashionbench.data.roots import inside
from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.image_folder import EXTENSIONS
from fashionbench_tasks.datasets.parquet_images import require_columns
from fashionbench_tasks.datasets.readers import read_lines
from fashionbench_tasks.datasets.unpacked_parquet import LIST, unpacked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: The split of the review set, which is no part of the three others.
REVIEW = "review-mini"
SPLITS = ("train", "validation", "test", REVIEW)
EXPECTED = {"pairs/train": 89927, "pairs/validation": 4989, "pairs/test": 5009}
IMAGES = ("source", "mask", "target")
TEXTS = ("caption", "category")
#: The list of the review set; the second is how the name is spelt otherwise.
LISTS = (LIST, "metadata.jsonl")
_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.parquet$")


@dataclass(frozen=True, slots=True)
class Triplet:
    """A garment, the mask and the person; the id is the stem of the person's photo."""

    id: str
    source: Path
    mask: Path
    target: Path
    caption: str
    category: str


class OpenVTON:
    """OpenVTON below a root folder, in one of its two layouts.

    :raises DataError: where neither is there.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("OpenVTON needs a root folder", remedy="pass --data openvton=FOLDER")
        self.root = root
        self._list = next((root / name for name in LISTS if (root / name).is_file()), None)
        self.splits = (REVIEW,) if self._list else tuple(split for split in SPLITS if any(self._found(split)))
        if not self.splits:
            there = first_names(sorted(path.name for path in root.iterdir())) if root.is_dir() else "nothing"
            msg = f"{root} is no folder of OpenVTON: it holds {there}"
            raise DataError(msg, remedy="it has train, validation or test with Parquet files in it, or matedata.jsonl")

    def files(self, split: str) -> list[Path]:
        """Return the Parquet files of a split in their order.

        :raises DataError: where there is none, or names say that some are missing: fewer rows are another benchmark.
        """
        files = self._found(split)
        if not files:
            msg = f"{self.root} has no {split} of OpenVTON; it has {', '.join(self.splits)}"
            raise DataError(msg, remedy=f"fetch the folder {split}, or choose a task of what is there")
        numbers = [found for path in files if (found := _SHARD.search(path.name))]
        there = {int(found[1]) for found in numbers}
        lacking = [f"{at:05d}" for at in range(max((int(f[2]) for f in numbers), default=0)) if at not in there]
        if lacking:
            msg = f"{self.root / split} lacks {len(lacking)} of its files: those numbered {first_names(lacking)}"
            raise DataError(msg, remedy="fetch them: with fewer rows it is another benchmark")
        return files

    def list_of(self, split: str, cache: Path) -> Path:
        """Return the list of a split, which lies beside its images; those in Parquet are unpacked the first time.

        :param cache: the folder that they are unpacked into.
        :raises DataError: naming file, row and column, where an image is missing.
        """
        if self._list is not None and split == REVIEW:
            return self._list
        files = self.files(split)
        for path in files:
            require_columns(path, (*IMAGES, *TEXTS))
        return unpacked(files, split, IMAGES, TEXTS, cache) / LIST

    @cached_property
    def _listed(self) -> list[Triplet]:
        return read_triplets(self._list) if self._list else []

    def _found(self, split: str) -> list[Path]:
        return sorted((self.root / split).glob("*.parquet"))

    def images(self) -> Mapping[str, Path]:
        """Return the images of the review set; all others lie in the Parquet files."""
        return {f"{kind}/{one.id}": getattr(one, kind) for one in self._listed for kind in IMAGES}

    def annotations(self) -> Mapping[str, Path]:
        """Return the Parquet files, or the list of the review set."""
        if self._list:
            return {self._list.name: self._list}
        return {f"{split}/{path.stem}": path for split in self.splits for path in self.files(split)}

    def counts(self) -> Mapping[str, int]:
        """Count triplets."""
        if self._list:
            return {f"pairs/{REVIEW}": len(self._listed)}
        return {
            f"pairs/{split}": sum(require_columns(path, IMAGES) for path in self.files(split)) for split in self.splits
        }

    def extra(self) -> list[str]:
        """List images of the review set that its list does not name."""
        known = set(self.images().values())
        files = [path for kind in IMAGES for path in (self.root / kind).glob("*") if path.suffix.lower() in EXTENSIONS]
        return sorted(path.relative_to(self.root).as_posix() for path in files if path not in known)


def read_triplets(path: Path) -> list[Triplet]:
    """Read the triplets of a list, whose paths are relative to its folder.

    :raises DataError: naming the row that lacks an image or the category, or a person that stands there twice.
    """
    triplets: list[Triplet] = []
    names: set[str] = set()
    for number, row in enumerate(read_lines(path, dict.fromkeys((*IMAGES, *TEXTS), str)), 1):
        triplets.append(_triplet(path, number, row))
        if triplets[-1].id in names:
            msg = f"{path} names the person {triplets[-1].id} twice"
            raise DataError(msg, remedy="remove one of the two lines")
        names.add(triplets[-1].id)
    return triplets


def _triplet(path: Path, number: int, row: Mapping[str, Any]) -> Triplet:
    empty = [name for name in (*IMAGES, "category") if not row[name].strip()]
    if empty:
        raise DataError(f"{path}, row {number} has no {', '.join(empty)}", remedy="fetch the file again")
    places = {kind: inside(path.parent, PurePosixPath(row[kind]).as_posix()) for kind in IMAGES}
    caption, category = row["caption"].strip(), row["category"].strip()
    return Triplet(id=places["target"].stem, caption=caption, category=category, **places)
