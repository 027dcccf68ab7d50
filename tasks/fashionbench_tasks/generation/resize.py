"""Resize images and masks to the size of a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image

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
        image = read_rgb(path)
        wanted = (self.width, self.height)
        return image if image.size == wanted else image.resize(wanted, FILTERS[self.filter])

    def read_mask(self, path: Path, *, frame: bool = True) -> Image.Image:
        """Read a mask at this size as the levels 0 and 255.

        :raises DataError: where the file is no mask of two values.
        """
        mask = read_mask(path, frame=frame)
        return mask.resize((self.width, self.height), Image.Resampling.NEAREST)

    def read_conditions(self, paths: Mapping[str, Path]) -> dict[str, Image.Image]:
        """Read condition images by name; those with ``mask`` in their name are masks."""
        return {
            name: self.read_mask(path, frame=name != "cloth-mask") if "mask" in name else self.read(path)
            for name, path in paths.items()
        }
