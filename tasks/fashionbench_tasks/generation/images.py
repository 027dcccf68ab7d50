"""Images that generated ones are compared with: true images, masks and photos of the real side, and their hashes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fashionbench.data.images import stamp
from fashionbench.data.task_images import pixel_hash
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.images import Stamp
    from fashionbench_tasks.generation.resize import Resize
    from fashionbench_tasks.generation.samples import GenerationSample

    Pixels = NDArray[np.uint8] | NDArray[np.bool_]

#: The masks of the garment, the better first.
_MASKS = ("garment-mask", "agnostic-mask")


class GenerationImages:
    """True images, masks and real photos by name, at the size of the task; an image is hashed once while it is open.

    :param real: the photos that a distance compares with, by name.
    """

    def __init__(self, samples: Sequence[GenerationSample], real: Mapping[str, Path], resize: Resize) -> None:
        self._samples = {sample.id: sample for sample in samples}
        self._real = real
        self._resize = resize
        self._hashes: dict[tuple[str, Path], tuple[Stamp, str]] = {}

    def truth(self, item_id: str) -> NDArray[np.uint8]:
        """Return the true image, RGB [H, W, 3]."""
        return self._read(_known(self._sample(item_id).truth, f"true image of {item_id}"))

    def mask(self, item_id: str) -> NDArray[np.bool_]:
        """Return the mask of the garment, or else of what may be painted, [H, W]."""
        return self._mask_reader(item_id)(_known(self._mask_of(item_id), f"mask of {item_id}"))

    def garment(self, item_id: str) -> NDArray[np.uint8]:
        """Return the photo of the garment that is to be worn, RGB [H, W, 3]."""
        return self._read(_known(self._sample(item_id).photo, f"garment photo of {item_id}"))

    def real(self, name: str) -> NDArray[np.uint8]:
        """Return a photo of the real side, RGB [H, W, 3]."""
        return self._read(_known(self._real.get(name), f"photo {name}"))

    def truth_hash(self, item_id: str) -> str:
        """Return the hash of the true image's pixels; empty where there is none."""
        path = self._sample(item_id).truth
        return self._hash("image", path, self._read) if path else ""

    def mask_hash(self, item_id: str) -> str:
        """Return the hash of the mask; empty where there is none."""
        path = self._mask_of(item_id)
        return self._hash("mask", path, self._mask_reader(item_id)) if path else ""

    def garment_hash(self, item_id: str) -> str:
        """Return the hash of the garment photo's pixels; empty where there is none, as in design."""
        path = self._sample(item_id).photo
        return self._hash("image", path, self._read) if path else ""

    def real_hash(self, name: str) -> str:
        """Return the hash of a real photo's pixels."""
        return self._hash("image", self._real[name], self._read)

    def _sample(self, item_id: str) -> GenerationSample:
        if item_id not in self._samples:
            raise DataError(f"the data set has no pairing {item_id}", remedy="use the data set of the predictions")
        return self._samples[item_id]

    def _mask_of(self, item_id: str) -> Path | None:
        sample = self._sample(item_id)
        if sample.category:
            return None  # it lies over the person, and what is made shows the garment alone
        conditions = sample.conditions
        return next((conditions[name] for name in _MASKS if name in conditions), None)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        return np.asarray(self._resize.read(path))

    def _mask_reader(self, item_id: str) -> Callable[[Path], NDArray[np.bool_]]:
        def read(path: Path) -> NDArray[np.bool_]:
            inside: NDArray[np.bool_] = np.asarray(self._resize.read_mask(path, self._sample(item_id).person)) > 127
            return inside

        return read

    def _hash(self, kind: str, path: Path, read: Callable[[Path], Pixels]) -> str:
        """Hash the pixels of a file, once while the file does not change."""
        state = stamp(path)
        known = self._hashes.get((kind, path))
        if known is None or known[0] != state:
            known = (state, pixel_hash(read(path)))
            self._hashes[kind, path] = known
        return known[1]


def _known(path: Path | None, what: str) -> Path:
    if path is None:
        raise DataError(f"the data set has no {what}", remedy="use the data set of the predictions")
    return path
