"""From an image to the pixels that a vision encoder takes.

The geometry is that of the released code, which has it from CLIP4CIR (Baldrati et al., CVPR workshops 2022): pad what
is long and thin, resize the shorter side, cut out the centre. It is the same in training and in evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fashionbench.errors import BackendError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Of the pixels that CLIP was trained on, from 0 to 1 (Radford et al., ICML 2021).
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)

_OPAQUE = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})
_TRANSPARENT = frozenset({"LA", "PA", "RGBA"})


@dataclass(frozen=True, slots=True)
class ImageTransform:
    """Turn images into float pixels [3, size, size].

    :param size: of the square, in pixels.
    :param pad_ratio: an image at least this many times as long as wide is padded on both sides of its shorter
        dimension, in **black** (0 before the mean is taken off), until it is just as long.
    :param mean: of each colour, of pixels from 0 to 1; taken off.
    :param std: of each colour; divided by.
    """

    size: int
    pad_ratio: float = 1.25
    mean: tuple[float, float, float] = CLIP_MEAN
    std: tuple[float, float, float] = CLIP_STD

    def __call__(self, image: Image.Image) -> Tensor:
        """Transform an image; the image itself is left alone.

        :raises BackendError: where the image has no pixels, or a mode without a faithful eight-bit form.
        """
        square = cut_centre(resize_shorter(pad(rgb(image), self.pad_ratio), self.size), self.size)
        pixels = torch.from_numpy(np.array(square, dtype=np.float32)).permute(2, 0, 1) / 255
        mean, std = (torch.tensor(values)[:, None, None] for values in (self.mean, self.std))
        return (pixels - mean) / std

    def batch(self, images: Sequence[Image.Image]) -> Tensor:
        """Transform images of any sizes, as [B, 3, size, size]."""
        return torch.stack([self(image) for image in images])


def rgb(image: Image.Image) -> Image.Image:
    """Convert an image to RGB of eight bits a colour; what is transparent is laid on white, as in a product photo.

    :raises BackendError: where the image has no pixels, or a mode without a faithful eight-bit form (``I;16``).
    """
    if not (image.width and image.height):
        raise BackendError(f"the image is {image.width} x {image.height} pixels", remedy="give one that has pixels")
    if image.mode in _TRANSPARENT or (image.mode in _OPAQUE and "transparency" in image.info):
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layer).convert("RGB")
    if image.mode in _OPAQUE:
        return image.convert("RGB")
    msg = f"the image has the mode {image.mode}, which has no faithful form in RGB of eight bits"
    raise BackendError(msg, remedy="convert it to RGB when the data set is loaded")


def pad(image: Image.Image, ratio: float) -> Image.Image:
    """Pad the shorter dimension in black, the same on both sides, where the longer one is at least ``ratio`` times it.

    As in the released code the padding is rounded down to whole pixels on each side.
    """
    longer = max(image.size)
    if longer / min(image.size) < ratio:
        return image
    across, down = (max(int((longer / ratio - side) / 2), 0) for side in image.size)
    canvas = Image.new("RGB", (image.width + 2 * across, image.height + 2 * down))
    canvas.paste(image, (across, down))
    return canvas


def resize_shorter(image: Image.Image, size: int) -> Image.Image:
    """Resize so that the shorter side has ``size`` pixels, bicubic with antialiasing."""
    shorter = min(image.size)
    width, height = (size if side == shorter else int(size * side / shorter) for side in image.size)
    return image.resize((width, height), Image.Resampling.BICUBIC)


def cut_centre(image: Image.Image, size: int) -> Image.Image:
    """Cut out the central square of ``size`` pixels."""
    left, top = (round((side - size) / 2) for side in image.size)
    return image.crop((left, top, left + size, top + size))
