"""The predictions schema ``images/2``: the images that a backend generated, and those that they are compared with.

One row an image, and nothing that was measured: metrics ask for the images themselves, and for features of them. A
generated image is kept in the store under the hash of its file; photos and masks stay with the data set, and their
hashes tell whether they are still those of the day.

=============  ======  ==========================================================================
column         type    meaning
=============  ======  ==========================================================================
item_id        string  the pairing, or the photo
slice          string  such as the category; of real rows too, and ``real`` where there is one slice
cluster        string  the person; a real photo has the same one as what was generated from it
side           string  ``generated``, or ``real``: the photos that a distance compares with
width, height  int64   of the image as it is compared
pixels         string  hash of the image's pixels as they are compared, after the protocol's resize
image          string  SHA-256 of the PNG in the store; empty on real rows
truth          string  hash of the pixels of the true image; empty where there is none
mask           string  hash of the pixels of the mask of the garment; empty where there is none
text           string  the wanted garment in words; empty for try-on
garment        string  hash of the pixels of the garment's photo; empty for design
=============  ======  ==========================================================================

Tables that were stored before the column ``garment`` was there are read as if it were empty. ``images/1`` held what was
measured while the backend ran. No metric reads it any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

SCHEMA = "images/2"

Side: TypeAlias = Literal["generated", "real"]

_TEXTS = ("item_id", "slice", "cluster", "side", "pixels", "image", "truth", "mask", "text")
_LATER = ("garment",)
_NUMBERS = ("width", "height")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One row; the columns of the schema."""

    item_id: str
    slice: str
    cluster: str
    side: Side
    width: int
    height: int
    pixels: str
    image: str = ""
    truth: str = ""
    mask: str = ""
    text: str = ""
    garment: str = ""


def images_table(rows: Sequence[ImageRow]) -> pa.Table:
    """Write rows as a table of the schema ``images/2``."""
    import pyarrow as pa  # noqa: PLC0415

    columns = {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in (*_TEXTS, *_LATER)}
    columns |= {name: pa.array([getattr(row, name) for row in rows], pa.int64()) for name in _NUMBERS}
    return pa.table(columns)


def image_rows(table: pa.Table) -> list[ImageRow]:
    """Read the rows of a table of the schema ``images/2``."""
    later = [name for name in _LATER if name in table.column_names]
    return [ImageRow(**row) for row in table.select([*_TEXTS, *_NUMBERS, *later]).to_pylist()]
