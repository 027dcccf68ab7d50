"""Open an image file within bounds: a list of formats, a number of pixels, and seconds of work."""

from __future__ import annotations

import io
import time
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile, UnidentifiedImageError

from fashionbench.data.image_kinds import LOOKED_AT, kind_of
from fashionbench.data.packed_files import opened
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What is read, by Pillow's names. It knows many more, and gives some of them to other programs, as EPS to Ghostscript.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "TGA")
#: The most pixels that are decoded: a file of a few kilobytes may claim billions.
MOST_PIXELS = 120_000_000
#: Seconds of a processor that reading one file may take; the largest take five. Waiting for a disk is not counted.
MOST_SECONDS = 60.0
#: Frames that are counted of a file that has several.
_COUNTED = 20

# Pillow warns of sizes below our own limit, and there is nothing to be done about it.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@cache
def readable_formats() -> tuple[str, ...]:
    """List those of the formats that this Pillow reads."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


class _TimedReader(io.BufferedReader):
    """A file that is read for so long and no longer.

    Decoders ask for a file piece by piece: a scan, a chunk, a directory. What one does with a piece is bounded by the
    number of pixels, and how many pieces there are is bounded here.
    """

    def __init__(self, raw: Any) -> None:
        super().__init__(raw)
        self._end = time.thread_time() + MOST_SECONDS

    def read(self, size: int | None = -1, /) -> bytes:
        if time.thread_time() > self._end:
            msg = f"it takes more than {MOST_SECONDS:g} s to read, as no photo does"
            raise DataError(msg, remedy="save it again as PNG or JPEG, or leave it out")
        return super().read(size)


@contextmanager
def opened_image(source: Path | bytes) -> Iterator[Image.Image]:
    """Open a file, or the bytes of one, of a known format; it is decoded when its pixels are first asked for.

    :raises DataError: for a file of another kind, by its name, of too many pixels, or that takes too long.
    :raises OSError: where it cannot be read, and as Pillow raises it.
    """
    # One that is cut off must not be filled up with grey; a model's library may have asked for that, for all alike.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    raw: Any = io.BytesIO(source) if isinstance(source, bytes) else opened(source)
    with _TimedReader(raw) as stream:
        try:
            file = Image.open(stream, formats=readable_formats())
        except UnidentifiedImageError as error:
            stream.seek(0)
            kind, remedy = kind_of(stream.read(LOOKED_AT))
            said = f"it is {kind}" if kind else "it is no image of a format that is read, or it is damaged"
            raise DataError(said, remedy=remedy or "fetch the file again") from error
        except Image.DecompressionBombError as error:
            raise DataError(f"it has more than {MOST_PIXELS:,} pixels", remedy="make it smaller") from error
        with file:
            width, height = file.size
            if width * height > MOST_PIXELS:
                msg = f"it has {width} x {height} pixels, more than {MOST_PIXELS:,}"
                raise DataError(msg, remedy="make it smaller")
            yield file


def frames_of(file: Image.Image) -> str:
    """Count the frames of a file that has several, as a text; empty where it has one.

    Cameras put a preview beside the photo (MPO); anything else of several frames is no single image.
    """
    if file.format == "MPO" or not getattr(file, "is_animated", False):
        return ""
    if file.format not in {"GIF", "TIFF"}:  # others say it at their beginning
        return str(getattr(file, "n_frames", "several"))
    # They are found one after the other, and a file may have a million.
    try:
        for at in range(1, _COUNTED + 1):
            file.seek(at)
    except EOFError:
        return str(at) if at > 1 else ""
    return f"more than {_COUNTED}"
