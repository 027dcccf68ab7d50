"""Images as RGB on white: one conversion for loaders and models, and decoded images kept for their next reader.

Surveying a data set decodes every image to see that it can be read; the encoder needs the same pixels a moment later.
What was decoded is therefore kept, up to :data:`DECODED_BYTES`, until it is read once.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from PIL import Image

from fashionbench.data.image_files import OpenedImage, open_bytes, open_image
from fashionbench.data.packed_files import file_itself
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

#: Memory for decoded images that wait for their reader; Pillow takes 4 bytes a pixel.
DECODED_BYTES = 512 * 2**20

#: What tells one state of a file from another: size, modification time, change time and inode.
Stamp: TypeAlias = tuple[int, int, int, int]

_WHITE = (255, 255, 255, 255)
_OPAQUE = frozenset({"1", "L", "P", "RGB", "CMYK", "YCbCr"})
_TRANSPARENT = frozenset({"LA", "PA", "RGBA"})


def rgb_on_white(image: Image.Image) -> Image.Image:
    """Convert an image to RGB of eight bits a channel; what is transparent is laid on white, as in a product photo.

    :raises DataError: on an image without pixels, or a mode without a faithful eight-bit form, such as ``I;16`` or
        ``F``.
    """
    if not (image.width and image.height):
        raise DataError(f"the image is {image.width} x {image.height} pixels", remedy="give an image that has pixels")
    if image.mode in _TRANSPARENT or (image.mode in _OPAQUE and "transparency" in image.info):
        layer = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, _WHITE), layer).convert("RGB")
    if image.mode in _OPAQUE:
        return image.convert("RGB")
    msg = f"the image has the mode {image.mode}, which has no faithful form in RGB of eight bits"
    raise DataError(msg, remedy="convert the file to RGB of eight bits a channel")


def read_rgb(path: Path) -> Image.Image:
    """Read an image file as RGB, upright and with transparent pixels laid on white.

    :raises DataError: where the file is missing or cannot be decoded; the message names it.
    """
    waiting = decoded.take(path)
    return decode(path) if waiting is None else waiting


def decode(path: Path) -> Image.Image:
    """Decode an image file as RGB, whatever is kept in memory.

    :raises DataError: as :func:`read_rgb`.
    """
    return decode_with_form(path).image


def decode_with_form(path: Path) -> OpenedImage:
    """Decode an image file as RGB, and say of what form the file was.

    :raises DataError: as :func:`read_rgb`.
    """
    return _as_rgb(open_image(path), str(path))


def decode_bytes(content: bytes, name: str) -> Image.Image:
    """Decode an image that lies in another file, such as a table, as :func:`decode` does.

    :param name: what the message of an error calls it.
    :raises DataError: as :func:`read_rgb`.
    """
    return _as_rgb(open_bytes(content, name), name).image


def _as_rgb(found: OpenedImage, name: str) -> OpenedImage:
    if (
        found.image.mode == "RGB"
        and "transparency" not in found.image.info
        and found.image.width
        and found.image.height
    ):
        return found  # a copy of each image would be a tenth of a survey
    try:
        return found._replace(image=rgb_on_white(found.image))
    except DataError as error:
        raise DataError(f"the image {name} cannot be read: {error.message}", remedy=error.remedy) from error


def stamp(path: Path) -> Stamp:
    """Return what tells one state of a file from another; of one in a shard, the state of the shard.

    :raises OSError: where there is no such file.
    """
    try:
        status = path.stat()
    except NotADirectoryError:
        status = file_itself(path).stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


class DecodedImages:
    """Decoded images by path, each of which is handed out once; safe for threads.

    :param limit: bytes; an image that does not fit any more is not kept.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._images: dict[Path, tuple[Stamp, Image.Image]] = {}
        self._lock = Lock()

    def put(self, path: Path, at: Stamp, image: Image.Image) -> None:
        """Keep an image that was decoded from the file in this state."""
        size = 4 * image.width * image.height
        with self._lock:
            if path not in self._images and self._used + size <= self._limit:
                self._images[path] = (at, image)
                self._used += size

    def take(self, path: Path) -> Image.Image | None:
        """Hand out an image, unless the file has changed since."""
        with self._lock:
            kept = self._images.pop(path, None)
            if kept is None:
                return None
            self._used -= 4 * kept[1].width * kept[1].height
        try:
            return kept[1] if stamp(path) == kept[0] else None
        except OSError:
            return None

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._images.clear()
            self._used = 0


#: The images of this process that were decoded by a survey and not read yet.
decoded = DecodedImages(DECODED_BYTES)
