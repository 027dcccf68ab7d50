"""Image features kept on disk, because every fold and every seed of a task asks for the same ones."""

from __future__ import annotations

import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from fashionbench import files
from fashionbench_baselines.encoders.pixels import rgb_on_white

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from fashionbench.data.items import ImageItem


class FeatureCache:
    """One file an image, named by the hash of the encoder and of the pixels.

    :param folder: where the files go; it may be shared by processes.
    :param encoder: everything that decides the features of given pixels, to the last bit.
    :param length: the number of features.
    """

    def __init__(self, folder: Path, encoder: str, length: int) -> None:
        self._folder = folder
        self._encoder = encoder
        self._length = length

    def features(self, item: ImageItem, encode: Callable[[ImageItem], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Read the features of an image, or compute and keep them; a damaged file is replaced."""
        path = self._path(item)
        row = self._read(path)
        if row is None:
            row = encode(item)
            content = io.BytesIO()
            # The archive carries a checksum, which a bare .npy file does not.
            np.savez(content, features=row)
            files.write_bytes(path, content.getvalue())
        return row

    def _path(self, item: ImageItem) -> Path:
        image = rgb_on_white(item)
        header = f"{self._encoder}\n{image.width}x{image.height}\n".encode()
        name = hashlib.sha256(header + image.tobytes()).hexdigest()
        return self._folder / name[:2] / f"{name}.npz"

    def _read(self, path: Path) -> NDArray[np.float32] | None:
        try:
            with np.load(path, allow_pickle=False) as stored:
                row: NDArray[np.float32] = stored["features"]
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None
        return row if row.shape == (self._length,) and row.dtype == np.float32 else None
