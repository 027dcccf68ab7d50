"""Find image files whose extension, folder or Unicode form differs from mirror to mirror.

What is there is looked for before anything is called missing: another extension, an upper-case extension, a name in
another Unicode form (NFC, NFD), and the folders that mirrors use. A name that differs in the case of its letters is
taken only where no other id of the data set is written so.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

EXTENSIONS = (".jpg", ".png", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
#: Folders in which mirrors keep the files that annotations name by their path.
BASES = ("", "images", "img_raw", "image")


class AnyExtension:
    """Finds files whose extension differs from mirror to mirror, as ``.png`` or ``.JPG``; lists each folder once."""

    def __init__(self) -> None:
        self._folders: dict[Path, tuple[frozenset[str], dict[str, Path]]] = {}

    def find(self, expected: Path) -> Path:
        """Return a file, or that of the same name with another image extension, or where it would be."""
        folder = expected.parent
        if folder not in self._folders:
            files = sorted(folder.iterdir()) if folder.is_dir() else []
            by_stem = {path.stem: path for path in reversed(files) if path.suffix.lower() in EXTENSIONS}
            self._folders[folder] = frozenset(path.name for path in files), by_stem
        names, by_stem = self._folders[folder]
        return expected if expected.name in names else by_stem.get(expected.stem, expected)


class ImageFolder:
    """Image files by the stem of their name.

    :param root: the folder of the data set.
    :param folders: folders below the root, the first that has an image wins; folders of the root in another case, and
        folders one level deeper, such as one a category, are looked into too.
    :param names: gives every id of the data set, so that letters in another case can be told from another id.
    """

    def __init__(self, root: Path, folders: Sequence[str], names: Callable[[], Iterable[str]] | None = None) -> None:
        self.root = root
        self.folders = [place for folder in folders if (place := actual(root, folder)).is_dir()] or [root / folders[0]]
        self._names = names

    @cached_property
    def found(self) -> dict[str, Path]:
        """Every image file by stem, in Unicode's composed form."""
        files: dict[str, Path] = {}
        for folder in reversed(self.folders):
            if folder.is_dir():
                for deeper in sorted(one for one in folder.iterdir() if one.is_dir() and one not in self.folders):
                    files |= _images(deeper)
                files |= _images(folder)
        return files

    @cached_property
    def _other_case(self) -> dict[str, Path]:
        """Files by their stem in lower case, without those that an id names as it is."""
        known = {composed(name) for name in self._names()} if self._names is not None else set()
        times = Counter(name.lower() for name in known)
        alone = {name for name, count in times.items() if count == 1}
        left = {stem: path for stem, path in self.found.items() if stem not in known}
        return {stem.lower(): path for stem, path in left.items() if stem.lower() in alone}

    def path(self, name: str) -> Path:
        """Return the file of an id, or where it would be if it were there.

        :raises DataError: where the id leads out of the folder.
        """
        expected = inside(self.folders[0], f"{name}.jpg")
        key = composed(name)
        return self.found.get(key) or self._other_case.get(key.lower()) or expected

    def extra(self, known: Iterable[str]) -> list[str]:
        """List stems that nobody asked for."""
        asked = {self.path(name) for name in known}
        return sorted(stem for stem, path in self.found.items() if path not in asked)


class ImagePaths:
    """Image files by the path that annotations give.

    :param root: the folder of the data set.
    :param bases: folders below the root that such a path may lie in.
    """

    def __init__(self, root: Path, bases: Sequence[str] = BASES) -> None:
        self.root = root
        self._bases = [root / base if base else root for base in bases]
        self._listed: dict[Path, dict[str, Path]] = {}

    def path(self, name: str) -> Path:
        """Return the file of a path, or where it would be if it were there.

        :raises DataError: where the path leads out of the folder.
        """
        exact = inside(self.root, name)
        if exact.is_file():
            return exact
        stem = composed(PurePosixPath(name).stem)
        for base in self._bases:
            found = self._folder((base / name).parent).get(stem)
            if found is not None:
                return found
        return exact

    def _folder(self, folder: Path) -> dict[str, Path]:
        if folder not in self._listed:
            self._listed[folder] = _images(folder) if folder.is_dir() else {}
        return self._listed[folder]


def actual(root: Path, name: str) -> Path:
    """Return a folder below a root, in whatever case its name is written there."""
    place = root
    for part in PurePosixPath(name).parts:
        there = place / part
        if not there.exists() and place.is_dir():
            there = next((one for one in sorted(place.iterdir()) if one.name.lower() == part.lower()), there)
        place = there
    return place


def _images(folder: Path) -> dict[str, Path]:
    return {composed(path.stem): path for path in sorted(folder.iterdir()) if path.suffix.lower() in EXTENSIONS}


def composed(name: str) -> str:
    """Return a name in Unicode's composed form."""
    return unicodedata.normalize("NFC", name)
