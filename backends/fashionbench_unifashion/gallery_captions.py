"""Captions of a gallery from files: JSON, by the id of the image, or as UniFashion's authors released them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.errors import DataError, first_names
from fashionbench.files import regular_bytes
from fashionbench.json_reader import loads
from fashionbench.predictions.id_matching import IdMatcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class GalleryCaptions:
    """Captions of images from one JSON file, or from all of a folder.

    A file is a mapping of images to captions, or a list of objects with ``image`` and ``caption``. An image is named by
    its id, or by its file.

    :raises DataError: where a file cannot be read, is neither, or says two things of one image.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._captions: dict[str, str] = {}
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            raise DataError(f"{path} holds no captions", remedy="give a JSON file, or a folder of such")
        for file in files:
            for image, caption in _read(file):
                if self._captions.setdefault(image, caption) != caption:
                    raise DataError(
                        f"{file} has another caption of {image!r} than before", remedy="keep one of the two"
                    )
        self._ids = IdMatcher(self._captions)

    def fingerprint(self) -> str:
        """Hash the captions, wherever they lie."""
        return digest(self._captions)

    def of(self, images: Sequence[str]) -> list[str]:
        """Return the captions of images.

        :raises DataError: naming images without one.
        """
        found = [self._ids.find(image) for image in images]
        missing = [image for image, name in zip(images, found, strict=True) if name is None]
        if missing:
            msg = f"{self._path} has no caption of {first_names(missing)}"
            raise DataError(msg, remedy="add them, or use caption_source=image-only")
        return [self._captions[name] for name in found if name is not None]


def _read(file: Path) -> Iterator[tuple[str, str]]:
    try:
        loaded = loads(regular_bytes(file))
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}", remedy="check the option caption_source") from error
    except ValueError as error:
        raise DataError(f"{file} is not JSON: {error}", remedy="mend it") from error
    rows = loaded.items() if isinstance(loaded, dict) else loaded
    if not isinstance(loaded, (dict, list)) or not loaded:
        raise DataError(f"{file} holds no captions", remedy="write an object of images and captions")
    for number, row in enumerate(rows, start=1):
        pair = (row.get("image"), row.get("caption")) if isinstance(row, dict) else row
        match pair:
            case (str(image), str(caption)):
                yield image, caption
            case _:
                msg = f"{file}, entry {number} is no image with a caption"
                raise DataError(msg, remedy="each has the texts 'image' and 'caption'")
