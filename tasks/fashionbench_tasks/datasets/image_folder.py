"""Find images by id in folders whose file extension differs from mirror to mirror."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

EXTENSIONS = (".jpg", ".png", ".jpeg", ".webp")


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
    :param folders: folders below the root, the first that has an image wins; those that do not exist are passed over.
    """

    def __init__(self, root: Path, folders: Sequence[str]) -> None:
        self.root = root
        self.folders = [root / folder for folder in folders if (root / folder).is_dir()] or [root / folders[0]]

    @cached_property
    def found(self) -> dict[str, Path]:
        """Every image file by stem."""
        files: dict[str, Path] = {}
        for folder in reversed(self.folders):
            if folder.is_dir():
                files |= {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in EXTENSIONS}
        return files

    def path(self, name: str) -> Path:
        """Return the file of an id, or where it would be if it were there.

        :raises DataError: where the id leads out of the folder.
        """
        expected = inside(self.folders[0], f"{name}.jpg")
        return self.found.get(name, expected)

    def extra(self, known: Iterable[str]) -> list[str]:
        """List stems that nobody asked for."""
        return sorted(self.found.keys() - set(known))
