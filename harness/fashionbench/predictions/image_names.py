"""Find the image of each item in a folder whose files are named in one of several ways."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from fashionbench.errors import DataError, first_names
from fashionbench.predictions.image_folder import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fashionbench.predictions.imported import Imported


@runtime_checkable
class NamesImages(Protocol):
    """A task that knows by which names its items' images are written."""

    def image_names(self) -> Mapping[str, Sequence[str]]:
        """Return for each item the names of its image without extension, the item's id first.

        The names at one place of the sequences are one way of naming, such as that by the person alone.
        """
        ...


def images_of_items(imported: Imported, names: Mapping[str, Sequence[str]]) -> dict[str, Path]:
    """Find the images by the first way of naming under which every item has its own; files of no item keep their names.

    A file counts by its path below the folder, or by its name alone where that is there once.

    :param names: see :class:`NamesImages`.
    :raises DataError: where no way names all; the message has the one that names most.
    """
    files = _by_path_and_name(imported.images)
    best: tuple[int, list[str], str] = (-1, [], "")
    ways = max((len(each) for each in names.values()), default=0)
    for way in range(ways):
        wanted = {item: each[way] for item, each in names.items() if way < len(each)}
        repeated = [name for name, count in Counter(wanted.values()).items() if count > 1]
        if len(wanted) < len(names) or repeated:
            continue  # two items would share an image
        lacking = [name for name in wanted.values() if name not in files]
        if not lacking:
            found = {item: files[name] for item, name in wanted.items()}
            taken = set(found.values())
            return found | {
                name: path for name, path in imported.images.items() if path not in taken and name not in found
            }
        if len(wanted) - len(lacking) > best[0]:
            best = len(wanted) - len(lacking), lacking, next(iter(wanted.values()))
    count, lacking, example = best
    there = first_names([_file_name(name, path) for name, path in sorted(imported.images.items())], 3)
    msg = f"{imported.name} has images of {max(count, 0)} of {len(names)} items; lacking: {first_names(lacking)}"
    doubled = _with_two_extensions(imported.images).keys() & set(lacking)
    if doubled:
        msg += f"; {_with_two_extensions(imported.images)[min(doubled)]} is there, with two extensions"
    several = sorted(name for name, each in _names(imported.images).items() if len(each) > 1)
    if several and count <= 0:
        msg += f"; {several[0]} is there {len(_names(imported.images)[several[0]])} times, name one of its folders"
    remedy = f"name them like {example}.png, or write mapping.json with {{item: file}}; in the folder: {there}"
    raise DataError(msg, remedy=remedy)


def _file_name(name: str, path: Path) -> str:
    """Return a file's path below the folder; of a mapping the item with its file."""
    return f"{name}{path.suffix}" if PurePosixPath(name).name == path.stem else f"{name} ({path.name})"


def _with_two_extensions(images: Mapping[str, Path]) -> dict[str, str]:
    """Return the files that have a second extension, such as ``a.jpg.png``, by their name without either."""
    found: dict[str, str] = {}
    for name, path in images.items():
        stem, _, extension = name.rpartition(".")
        if f".{extension.lower()}" in SUFFIXES:
            found |= {one: _file_name(name, path) for one in (stem, PurePosixPath(stem).name)}
    return found


def _names(images: Mapping[str, Path]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in images:
        found.setdefault(PurePosixPath(name).name, []).append(name)
    return found


def _by_path_and_name(images: Mapping[str, Path]) -> dict[str, Path]:
    """Return files by their path below the folder, and by the end of it where one file alone ends so."""
    ends: dict[str, list[Path]] = {}
    for name, path in images.items():
        parts = name.split("/")
        for start in range(1, len(parts)):
            ends.setdefault("/".join(parts[start:]), []).append(path)
    return {end: paths[0] for end, paths in ends.items() if len(paths) == 1} | dict(images)
