"""Image files by the paths that a list names, where a copy of the data has written a path in another way.

A path is taken as it is where a file is there. Otherwise a file of the same folder is taken whose name differs in its
Unicode form, its extension or the case of its letters, if there is one such file alone and no other path names it.
"""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from fashionbench.data.packed_files import is_there
from fashionbench.data.roots import inside
from fashionbench_tasks.datasets.image_folder import EXTENSIONS, composed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


class ListedImages:
    """Image files by the paths of a list.

    :param root: the folder that the paths are relative to.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[tuple[Path, Callable[[str], str]], dict[str, list[Path]]] = {}

    def find(self, names: Iterable[str]) -> Mapping[str, Path]:
        """Return the file of every path, or where it would be if it were there.

        :raises DataError: where a path leads out of the folder.
        """
        exact = {name: inside(self._root, name) for name in sorted(set(names))}
        found = {name: path for name, path in exact.items() if is_there(path)}
        taken = set(found.values())
        others = {name: self._another(name, taken) for name in exact if name not in found}
        times = Counter(path for path in others.values() if path is not None)
        once = {name: path for name, path in others.items() if path is not None and times[path] == 1}
        return exact | once

    def _another(self, name: str, taken: set[Path]) -> Path | None:
        """Find the one file that a path may mean; None where there is none, or are several."""
        *folders, last = PurePosixPath(name).parts or ("",)
        place = self._root
        for folder in folders:
            below = [place / folder] if (place / folder).is_dir() else self._alike(place, folder, _FOLDERS)
            if len(below) != 1 or not below[0].is_dir():
                return None
            place = below[0]
        there = [path for path in self._alike(place, last, _WAYS) if path not in taken and path.is_file()]
        return there[0] if len(there) == 1 else None

    def _alike(self, folder: Path, name: str, ways: tuple[Callable[[str], str], ...]) -> list[Path]:
        """List what a folder holds under a name, by the first way of reading names in which there is anything."""
        for way in ways:
            if (folder, way) not in self._listed:
                listed: dict[str, list[Path]] = {}
                for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                    listed.setdefault(way(path.name), []).append(path)
                self._listed[folder, way] = listed
            alike = self._listed[folder, way].get(way(name))
            if alike:
                return alike
        return []


def _without_extension(name: str) -> str:
    path = PurePosixPath(name)
    return composed(path.stem if path.suffix.lower() in EXTENSIONS else name)


def _lower_extension(name: str) -> str:
    suffix = PurePosixPath(name).suffix
    return composed(name.removesuffix(suffix) + suffix.lower())


def _lower(name: str) -> str:
    return composed(name).lower()


def _lower_without_extension(name: str) -> str:
    return _without_extension(name).lower()


#: How names are read, from the nearest to the farthest: another Unicode form, an upper-case extension, letters in
#: another case, another extension, and both.
_WAYS = (composed, _lower_extension, _lower, _without_extension, _lower_without_extension)
_FOLDERS = (composed, _lower)
