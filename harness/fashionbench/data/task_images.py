"""Images that a task compares generated images with, as pixels at the protocol's size."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class TaskImages(Protocol):
    """Photos and masks of a task by the names that its predictions use.

    Each method raises DataError where there is no such image, or its file cannot be read.
    """

    def truth(self, item_id: str) -> NDArray[np.uint8]:
        """Return the image that should come out, RGB [H, W, 3]."""
        ...

    def mask(self, item_id: str) -> NDArray[np.bool_]:
        """Return where the garment is, or may be painted, [H, W]."""
        ...

    def garment(self, item_id: str) -> NDArray[np.uint8]:
        """Return the photo of the wanted garment, RGB [H, W, 3]."""
        ...

    def real(self, name: str) -> NDArray[np.uint8]:
        """Return a photo of the real side, RGB [H, W, 3]."""
        ...


def pixel_hash(pixels: NDArray[np.uint8] | NDArray[np.bool_]) -> str:
    """Hash the pixels of an image or a mask with their type and shape, as 64 hexadecimal digits."""
    state = hashlib.sha256(f"{pixels.dtype.name}|{'x'.join(map(str, pixels.shape))}|".encode())
    state.update(pixels.tobytes())
    return state.hexdigest()
