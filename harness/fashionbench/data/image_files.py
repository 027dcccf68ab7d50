"""Image files opened alike everywhere: one frame, upright by EXIF, eight bits a channel, and what was done is told.

Pillow cuts 16 bits and floats at 255. Here they are scaled by the range that the file declares: 0 to 65,535 for 16 bits
in PNG, TIFF and PNM, another one where a TIFF says so, and 0 to 1 for floats. A file that declares no range, and one
that moves, is refused.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageOps

from fashionbench.data.image_opener import frames_of, opened_image
from fashionbench.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

#: Raised whenever the pixels that come out of a file change.
READER = "2"

_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")
#: Formats whose 16 bits, or 32 of Pillow's, reach from 0 to 65,535: Pillow scales PNM by the maximum in its head.
_DECLARED = frozenset({"PNG", "PPM", "TIFF"})
#: TIFF: the least and the largest sample, as integers and as numbers of the sample's own type.
_LEAST, _LARGEST = (280, 340), (281, 341)
_PREMULTIPLIED = {"La": "LA", "RGBa": "RGBA", "RGBX": "RGB"}


class OpenedImage(NamedTuple):
    """An image of eight bits a channel, and the form of its file, such as ``PNG`` or ``TIFF float turned``."""

    image: Image.Image
    form: str


def open_image(path: Path, *, own_range: bool = False) -> OpenedImage:
    """Open an image file; alpha, palette and colour space are left as they are.

    :param own_range: scale more than eight bits by the least and the largest level of the image, whatever the file
        declares: for masks, whose levels are no light.
    :raises DataError: naming the file, where it is missing, damaged, moves, or declares no range.
    """
    return _decoded(path, str(path), own_range=own_range)


def open_bytes(content: bytes, name: str) -> OpenedImage:
    """Open an image that lies in another file, such as a table, as :func:`open_image` does.

    :param name: what the message of an error calls it.
    :raises DataError: as :func:`open_image`.
    """
    return _decoded(content, name, own_range=False)


def _decoded(source: Path | bytes, name: str, *, own_range: bool) -> OpenedImage:
    try:
        with opened_image(source) as file:
            form = [_format(file)]
            # Asked for its EXIF, Pillow decodes a PNG, and forgets how it was stored.
            sixteen = any("16" in str(part) for tile in getattr(file, "tile", ()) for part in tile[3:])
            frames = frames_of(file)
            if frames:
                raise DataError(f"it has {frames} frames", remedy="keep the one that counts")  # noqa: TRY301
            turned = _orientation(file)
            tags = dict(getattr(file, "tag_v2", {}))
            file.load()
            if sixteen and isinstance(hidden := file.info.get("transparency"), tuple):
                file.info["transparency"] = tuple(level >> 8 for level in hidden)  # as Pillow reads such colours
            image, depth = _eight_bits(file, tags, own_range=own_range)
            image = ImageOps.exif_transpose(image) if turned == "turned" else image
    except Exception as error:  # decoders raise many types, struct.error and SyntaxError among them
        kind = "" if isinstance(error, (OSError, DataError)) else f"{type(error).__name__}: "
        said = error.message if isinstance(error, DataError) else str(error)
        remedy = error.remedy if isinstance(error, DataError) else "fetch the file again"
        raise DataError(f"the image {name} cannot be read: {kind}{said}", remedy=remedy) from error
    form += [depth] if depth else []
    form += ["alpha"] if image.has_transparency_data else []
    form += [turned] if turned else []
    return OpenedImage(image, " ".join(form))


def upright_size(path: Path) -> tuple[int, int]:
    """Return the width and height of an image as :func:`open_image` turns it, mostly without decoding it.

    :raises DataError: naming the file, where it is missing or no image.
    """
    try:
        with opened_image(path) as file:
            width, height = file.size
            on_its_side = _orientation(file) == "turned" and file.getexif().get(274) in range(5, 9)
    except DataError as error:
        raise DataError(f"the image {path} cannot be read: {error.message}", remedy=error.remedy) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"the image {path} cannot be read: {error}", remedy="fetch the file again") from error
    return (height, width) if on_its_side else (width, height)


def check_aspect(kind: str, path: Path, size: tuple[int, int], photo: Path) -> None:
    """Refuse an image that lies over a photo, such as its mask or its pose, and is of another aspect ratio.

    :param kind: what the image is, for a message.
    :param size: its width and height, upright.
    :raises DataError: naming both files with their sizes.
    """
    width, height = size
    across, down = upright_size(photo)
    # Where one is the other made smaller, each of its sides may be off by less than a pixel.
    if abs(width * down - height * across) >= max(width + height, across + down):
        msg = f"the {kind} {path} is {width} x {height} pixels and its photo {photo} {across} x {down}"
        remedy = f"another aspect ratio would move it: crop or pad the {kind} as the photo was; another size may stay"
        raise DataError(msg, remedy=remedy)


def _orientation(file: Image.Image) -> str:
    """Say whether a file is to be turned, or that its EXIF cannot be read, and it is taken as it is stored."""
    try:
        turned = file.getexif().get(274, 1) in range(2, 9)
        if "exif" in file.info:  # read anew, for Pillow keeps what it could not read as if it were empty
            Image.Exif().load(file.info["exif"])
    except (SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return "EXIF damaged"
    return "turned" if turned else ""


def _format(file: Image.Image) -> str:
    """Name the format of the content, whatever the file is called; of WebP, whether it is lossy."""
    name = {"PPM": "PNM", "MPO": "JPEG"}.get(str(file.format), str(file.format))
    content: Any = getattr(file, "fp", None)
    if name == "WEBP" and content is not None:
        at = content.tell()
        content.seek(0)
        # The lossy chunk may stand behind others, of a profile or of alpha, which are small beside it.
        name = "WEBP lossless" if b"VP8L" in content.read() else "WEBP"
        content.seek(at)
    return name


def _eight_bits(file: Image.Image, tags: dict[int, Any], *, own_range: bool) -> tuple[Image.Image, str]:
    """Return the pixels in eight bits a channel, and a word for what they were made of."""
    mode = file.mode
    if mode in _PREMULTIPLIED:
        return _with_info(file.convert(_PREMULTIPLIED[mode]), file, set()), ""
    if mode not in (*_SIXTEEN, "I", "F"):
        return file.copy(), ""
    import numpy as np  # noqa: PLC0415

    levels: NDArray[np.float64] = np.asarray(file).astype(np.float64)
    if not np.isfinite(levels).all():
        raise DataError("it holds values that are not finite", remedy="write finite values")
    low, high = (levels.min(), levels.max()) if own_range and levels.size else _range(file, tags, levels)
    scaled = np.rint((levels - low) * (255 / max(high - low, 1e-300))).astype(np.uint8)
    grey = Image.fromarray(scaled)
    hidden = file.info.get("transparency")
    if isinstance(hidden, int):  # one level that is not shown; in eight bits it would share its place with others
        grey.putalpha(Image.fromarray(np.where(levels == hidden, 0, 255).astype(np.uint8)))
    return _with_info(grey, file, {"transparency"}), "float" if mode == "F" else "16-bit"


def _range(file: Image.Image, tags: dict[int, Any], levels: NDArray[np.float64]) -> tuple[float, float]:
    """Return the levels of black and white.

    :raises DataError: where the file declares none, or holds others.
    """
    least, largest = (next((tags[n] for n in names if n in tags), None) for names in (_LEAST, _LARGEST))
    low, high = float(_first(least, 0)), float(_first(largest, 0))
    if largest is None:
        if file.mode == "F":
            high = 1.0
        elif file.mode in _SIXTEEN or (file.mode == "I" and file.format in _DECLARED - {"TIFF"}):
            high = 65535.0
    if high <= low or (file.mode != "F" and file.format not in _DECLARED):
        msg = f"it is a {file.format} of the mode {file.mode}, which declares no range of its values"
        raise DataError(msg, remedy="convert the file to eight bits a channel")
    if levels.size and not (low <= float(levels.min()) and float(levels.max()) <= high):
        msg = f"its values reach from {levels.min():g} to {levels.max():g}, and its range from {low:g} to {high:g}"
        raise DataError(msg, remedy="convert the file to eight bits a channel")
    return low, high


def _first(given: Any, fallback: float) -> Any:
    """Return a tag's first value: one a channel, and there is one channel."""
    if given is None:
        return fallback
    return given[0] if isinstance(given, tuple) else given


def _with_info(image: Image.Image, file: Image.Image, without: set[str]) -> Image.Image:
    """Take over what the file says of itself, such as its orientation."""
    image.info = {name: value for name, value in file.info.items() if name not in without}
    return image
