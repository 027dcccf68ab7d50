"""OACIRR (Yang et al., CVPR 2026, arXiv 2604.05393): composed queries whose reference has a box around an object.

The target shows the same object, an instance, as the text asks for. Layout as the publisher's loader reads it, for the
domains Fashion, Car, Product and Landmark: ``OACIRR-Subset/OACIRR-<Domain>`` with the images, and in it a folder
``oacirr-<domain>`` with ``quadruple_captions/caption_full.<split>.json`` and ``image_splits/split.<split>.json``, which
maps names to paths whose last folder is the instance; ``image_bounding_box`` has the boxes by image and is not read.
Boxes are left, top, right and bottom in pixels of the image as it is stored. The files themselves were not seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, isfinite
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS, ImagePaths
from fashionbench_tasks.datasets.readers import read_entries, read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fashionbench.data.items import Box

DOMAINS = ("fashion", "car", "product", "landmark")
SPLIT = "val"
_SUBSETS = "OACIRR-Subset"
_KEYS: dict[str, type | tuple[type, ...]] = {
    "reference": str,
    "target": str,
    "modification_text_mllm": str,
    "reference_bounding_box": list,
}


@dataclass(frozen=True, slots=True)
class Quadruple:
    """A query: reference, box, text and target; the id is the number of its entry."""

    id: str
    reference: str
    box: Box
    text: str
    target: str


class OACIRR:
    """OACIRR below a root folder.

    :raises DataError: where no domain is there.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("OACIRR needs a root folder", remedy="pass --data oacirr=FOLDER")
        self.root = root
        self.folder = root / _SUBSETS if (root / _SUBSETS).is_dir() else root
        self.domains = tuple(name for name in DOMAINS if self._annotations(name).is_dir())
        if not self.domains:
            msg = f"{root} is no folder of OACIRR; looked for {_SUBSETS}/OACIRR-Fashion/oacirr-fashion and its like"
            raise DataError(msg, remedy="clone HaHaJun1101/OACIRR and unpack its images")

    def queries(self, domain: str) -> list[Quadruple]:
        """Return the queries of a domain in the order of the file.

        :raises DataError: naming the entry, where a key is missing or a box is none.
        """
        path = self._file(domain, "quadruple_captions", "caption_full")
        return [
            Quadruple(
                f"{number:06d}",
                entry["reference"],
                _box(entry["reference_bounding_box"], path, number),
                entry["modification_text_mllm"],
                entry["target"],
            )
            for number, entry in enumerate(read_entries(path, _KEYS))
        ]

    def split(self, domain: str) -> dict[str, Path]:
        """Return the images of a domain by name: those of the queries and the distractors."""
        files = ImagePaths(self._place(domain))
        return {name: files.path(place) for name, place in self._places(domain).items()}

    def instances(self, domain: str) -> dict[str, str]:
        """Return the instance that each image shows: the last folder of its path.

        :raises DataError: where a path has no folder.
        """
        found: dict[str, str] = {}
        for name, place in self._places(domain).items():
            found[name] = PurePosixPath(place).parent.name
            if not found[name]:
                path = self._file(domain, "image_splits", "split")
                raise DataError(f"{path}: {name} lies in no folder of an instance", remedy="fetch the file again")
        return found

    def images(self) -> Mapping[str, Path]:
        """Return every image of every domain, by domain and name."""
        return {f"{domain}/{name}": path for domain in self.domains for name, path in self.split(domain).items()}

    def annotations(self) -> Mapping[str, Path]:
        """Return the files of captions, which hold the boxes, and of splits."""
        paths: dict[str, Path] = {}
        for domain in self.domains:
            paths[f"captions/{domain}"] = self._file(domain, "quadruple_captions", "caption_full")
            paths[f"split/{domain}"] = self._file(domain, "image_splits", "split")
        return paths

    def counts(self) -> Mapping[str, int]:
        """Count queries, images and instances."""
        counts: dict[str, int] = {}
        for domain in self.domains:
            instances = self.instances(domain)
            counts[f"queries/{domain}"] = len(self.queries(domain))
            counts[f"images/{domain}"] = len(instances)
            counts[f"instances/{domain}"] = len(set(instances.values()))
        return counts

    def extra(self) -> list[str]:
        """List image files beside the known ones that no split names."""
        known = set(self.images().values())
        folders = {path.parent for path in known if path.parent.is_dir()}
        files = [path for folder in folders for path in folder.iterdir() if path.suffix.lower() in EXTENSIONS]
        return sorted(path.relative_to(self.root).as_posix() for path in files if path not in known)

    def _places(self, domain: str) -> dict[str, str]:
        path = self._file(domain, "image_splits", "split")
        places = read_json(path)
        if not isinstance(places, dict) or not all(isinstance(place, str) for place in places.values()):
            raise DataError(f"{path} does not map names to files", remedy="fetch the annotation file again")
        return {name: place.removeprefix("./") for name, place in places.items()}

    def _place(self, domain: str) -> Path:
        return self.folder / f"OACIRR-{domain.capitalize()}"

    def _annotations(self, domain: str) -> Path:
        return self._place(domain) / f"oacirr-{domain}"

    def _file(self, domain: str, folder: str, kind: str) -> Path:
        """Return an annotation file of a domain.

        :raises DataError: where the domain is not there.
        """
        if domain not in self.domains:
            there = ", ".join(f"oacirr/{name}" for name in self.domains)
            raise DataError(f"{self.root} has no domain {domain}", remedy=f"fetch it, or name {there}")
        return self._annotations(domain) / folder / f"{kind}.{SPLIT}.json"


def _box(value: list[Any], path: Path, number: int) -> Box:
    """Read a box, widened to whole pixels.

    :raises DataError: naming the entry, where it is none.
    """
    numbers = [one for one in value if isinstance(one, (int, float)) and not isinstance(one, bool) and isfinite(one)]
    if len(value) != 4 or len(numbers) != 4 or not (value[0] < value[2] and value[1] < value[3]):
        msg = f"{path}, entry {number}: reference_bounding_box is {value}"
        raise DataError(msg, remedy="it must be left, top, right and bottom, in this order")
    return floor(value[0]), floor(value[1]), ceil(value[2]), ceil(value[3])
