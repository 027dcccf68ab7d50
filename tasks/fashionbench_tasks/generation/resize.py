"""Resize images and masks to the size of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

from fashionbench.data.image_files import check_aspect
from fashionbench.data.images import read_rgb
from fashionbench.data.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
}


@dataclass(frozen=True, slots=True)
class Resize:
    """The size that a task's images are read at, and the resampling filter; masks are resized to the nearest pixel."""

    width: int
    height: int
    filter: str

    def read(self, path: Path) -> Image.Image:
        """Read an image as RGB at this size."""
        return self._sized(read_rgb(path))

    def read_over(self, kind: str, path: Path, photo: Path) -> Image.Image:
        """Read an image that lies over a photo, such as its pose, as RGB at this size.

        :raises DataError: where it is of another shape than the photo, over which it would have to be stretched.
        """
        image = read_rgb(path)
        check_aspect(kind, path, image.size, photo)
        return self._sized(image)

    def _sized(self, image: Image.Image) -> Image.Image:
        wanted = (self.width, self.height)
        return image if image.size == wanted else image.resize(wanted, FILTERS[self.filter])

    def read_mask(self, path: Path, photo: Path | None, *, frame: bool = True) -> Image.Image:
        """Read a mask of a photo at this size as the levels 0 and 255.

        :raises DataError: where the file is no mask of two values, or of another shape than the photo.
        """
        mask = read_mask(path, photo, frame=frame)
        return mask.resize((self.width, self.height), Image.Resampling.NEAREST)

    def read_conditions(self, paths: Mapping[str, Path], person: Path, garment: Path | None) -> dict[str, Image.Image]:
        """Read condition images by name; those with ``mask`` in their name are masks of the person or the garment.

        All others lie over the person, as poses and parsings do.

        :param garment: its photo; None where only words or a sketch are at hand.
        """
        read: dict[str, Image.Image] = {}
        for name, path in paths.items():
            if name == "cloth-mask":
                read[name] = self.read_mask(path, garment, frame=False)
            elif "mask" in name:
                read[name] = self.read_mask(path, person)
            else:
                read[name] = self.read_over(name, path, person)
        return read
