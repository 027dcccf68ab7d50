"""How image files are read, in the words of a protocol card; :mod:`fashionbench.data.image_files` does it."""

from __future__ import annotations

IMAGE = (
    "as the file is, RGB; turned upright by EXIF, transparency on white, 16 bits and floats scaled by the range that "
    "the file declares; a file of several frames counts as unreadable"
)
