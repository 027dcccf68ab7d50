"""Save images in the two formats of the real sets, and share files among layouts."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from fashionbench_atelier.rendering.canvas import Canvas

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

QUALITY = 92
"""JPEG quality of every photo, with chroma at half the resolution as cameras and shops write it."""

_PNG_LEVEL = 1
"""Compression of PNG; a higher level takes twice the time of drawing and saves a fifth."""

Drawable = Image.Image | Canvas


def save(path: Path, drawing: Drawable) -> None:
    """Write an image as its path's ending says: ``.png``, or JPEG."""
    image = drawing.image() if isinstance(drawing, Canvas) else drawing
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        image.save(path, "PNG", compress_level=_PNG_LEVEL)
    else:
        image.save(path, "JPEG", quality=QUALITY, subsampling="4:2:0", optimize=False, progressive=False)


def grey(plane: NDArray[np.uint8] | NDArray[np.bool_]) -> Image.Image:
    """Turn a plane [H, W] into an 8-bit image; True is white."""
    return Image.fromarray(plane if plane.dtype == np.uint8 else plane.astype(np.uint8) * np.uint8(255))


def parse_map(labels: NDArray[np.uint8]) -> Image.Image:
    """Turn class numbers [H, W] into an image with a palette, whose values are the classes."""
    image = Image.fromarray(labels)
    image.putpalette([channel for label in range(256) for channel in _hue(label)])
    return image


def _hue(label: int) -> tuple[int, int, int]:
    """Spread the bits of a number over three channels, the lowest bits to the highest, so that neighbours differ."""
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (label >> bit & 1) << (7 - bit // 3)
    return channels[0], channels[1], channels[2]


def link(source: Path, target: Path) -> None:
    """Let a second path show a file; a copy where the file system has no hard links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
