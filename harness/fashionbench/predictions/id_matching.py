"""Find the id that a name in a file means: one with an image extension, with a folder, or in another Unicode form.

Files of other people's code name an image by its id, by its file, or by a path. A name is taken for an id only where
one of the two, without extension, ends in the other at a ``/``, and where that fits a single id.
"""

from __future__ import annotations

import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Extensions that a name may carry on top of an id.
EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")


class IdMatcher:
    """Known ids, and the names that stand for them.

    :param names: the ids; repetitions are passed over.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._known = dict.fromkeys(names)

    @property
    def names(self) -> list[str]:
        """The ids in their order."""
        return list(self._known)

    def find(self, name: str) -> str | None:
        """Return the id that a name stands for; None where there is none, or more than one."""
        if name in self._known:
            return name
        parts = _plain(name).split("/")
        for at in range(len(parts)):
            found = self._whole.get("/".join(parts[at:]))
            if found is not None:
                return found or None
        return self._endings.get("/".join(parts)) or None

    @cached_property
    def _whole(self) -> dict[str, str]:
        """Ids by their plain form; an empty text where several ids have one form."""
        found: dict[str, str] = {}
        for name in self._known:
            plain = _plain(name)
            found[plain] = "" if plain in found else name
        return found

    @cached_property
    def _endings(self) -> dict[str, str]:
        """Ids by what stands behind each ``/`` of their plain form; an empty text where several ids end so."""
        found: dict[str, str] = {}
        for name in self._known:
            parts = _plain(name).split("/")
            for at in range(1, len(parts)):
                ending = "/".join(parts[at:])
                found[ending] = "" if ending in found else name
        return found


def _plain(name: str) -> str:
    """Return a name in Unicode's composed form, without ``./`` before it and without an image extension behind it."""
    text = unicodedata.normalize("NFC", name).replace("\\", "/").removeprefix("./")
    stem, dot, extension = text.rpartition(".")
    return stem if dot and f".{extension.lower()}" in EXTENSIONS and stem else text
