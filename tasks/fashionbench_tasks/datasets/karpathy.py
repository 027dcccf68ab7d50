"""COCO Captions and Flickr30k in the splits of Karpathy and Fei-Fei (CVPR 2015): images with five captions or more.

``dataset_<name>.json`` is an object with ``images``, a list of objects with ``filename``, ``split``, ``sentences``
(each with its text under ``raw``) and, of COCO, ``filepath``: the folder ``train2014`` or ``val2014``. The file lies in
the root or in one of the folders that mirrors use; images below the root, ``images`` or ``flickr30k-images``. COCO's
``restval`` is what of its val images is in neither val nor test; it is trained on with ``train``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.errors import DataError, first_names
from fashionbench_tasks.datasets.image_folder import ImagePaths
from fashionbench_tasks.datasets.readers import check_entry, first_of, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SPLITS = ("train", "restval", "val", "test")
#: What models are trained on.
TRAINING = ("train", "restval")
#: Papers rank and score five captions an image; a few images of COCO have six or seven.
CAPTIONS = 5
#: Images of each split, and captions where each image has its first five.
EXPECTED: Mapping[str, Mapping[str, int]] = {
    "coco": {"images/train": 82783, "images/restval": 30504, "images/val": 5000, "images/test": 5000},
    "flickr30k": {"images/train": 29000, "images/val": 1014, "images/test": 1000},
}
_FOLDERS = ("", "karpathy", "annotations", "caption_datasets")
_BASES = ("", "images", "Images", "flickr30k-images", "flickr30k_images")


@dataclass(frozen=True, slots=True)
class Captioned:
    """An image with its captions, in the order of the file and without empty ones.

    :param place: path of the image below the root.
    """

    id: str
    place: str
    split: str
    captions: tuple[str, ...]


class Karpathy:
    """One of the two files of splits below a root folder.

    :param name: ``coco`` or ``flickr30k``.
    :raises DataError: where there is no file, or an image stands in it twice.
    """

    def __init__(self, root: Path | None, name: str) -> None:
        if root is None:
            raise DataError(f"the splits of {name} need a root folder", remedy="pass --data DATASET=FOLDER")
        self.root = root
        self._file = first_of(root, [str(PurePosixPath(f, f"dataset_{name}.json")) for f in _FOLDERS], "file of splits")
        self.files = ImagePaths(root, _BASES)
        self._images = self._read()

    def _read(self) -> list[Captioned]:
        whole = read_json(self._file)
        entries = whole.get("images") if isinstance(whole, dict) else None
        if not isinstance(entries, list):
            raise DataError(f"{self._file} holds no list of images", remedy="fetch the file again")
        images = []
        for number, entry in enumerate(entries):
            check_entry(self._file, number, entry, {"filename": str, "split": str, "sentences": list})
            texts = []
            for sentence in entry["sentences"]:
                check_entry(self._file, number, sentence, {"raw": str})
                texts.append(" ".join(sentence["raw"].split()))
            place = PurePosixPath(str(entry.get("filepath", "")), entry["filename"])
            if entry["split"] not in SPLITS:
                msg = f"{self._file}, entry {number}: the split {entry['split']!r} is none of {', '.join(SPLITS)}"
                raise DataError(msg, remedy="fetch the file again")
            images.append(Captioned(place.stem, str(place), entry["split"], tuple(text for text in texts if text)))
        twice = [name for name, count in Counter(image.id for image in images).items() if count > 1]
        if twice:
            raise DataError(f"{self._file} names images twice: {first_names(twice)}", remedy="fetch the file again")
        return images

    def split(self, *names: str) -> list[Captioned]:
        """Return the images of splits, in the order of the file."""
        return [image for image in self._images if image.split in names]

    def path(self, image: Captioned) -> Path:
        """Return the file of an image, or where it would be if it were there.

        :raises DataError: where it leads out of the root.
        """
        return self.files.path(image.place)

    def images(self) -> Mapping[str, Path]:
        """Return every image that the file names."""
        return {image.id: self.path(image) for image in self._images}

    def annotations(self) -> Mapping[str, Path]:
        """Return the file of splits."""
        return {"splits": self._file}

    def counts(self) -> Mapping[str, int]:
        """Count images and captions by split."""
        present = {image.split for image in self._images}
        splits = {name: self.split(name) for name in SPLITS if name in present}
        counts = {f"images/{name}": len(images) for name, images in splits.items()}
        return counts | {f"captions/{name}": sum(len(one.captions) for one in own) for name, own in splits.items()}

    def extra(self) -> list[str]:
        """Return nothing: the folders of COCO hold images that no split names."""
        return []


def coco(root: Path | None) -> Karpathy:
    """Read COCO Captions."""
    return Karpathy(root, "coco")


def flickr30k(root: Path | None) -> Karpathy:
    """Read Flickr30k."""
    return Karpathy(root, "flickr30k")
