"""Read a folder of generated images: files below it by name, or by a mapping that it holds."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path

from fashionbench.errors import DataError, first_names
from fashionbench.files import regular_text
from fashionbench.json_reader import loads

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
#: Files that say which image is whose: ``{item: file}``, or rows of item and file.
MAPPINGS = ("mapping.json", "mapping.csv")


def read(folder: Path) -> dict[str, Path]:
    """Return images by their path below the folder without extension, or by the items of a mapping, sorted.

    Links are followed, also those to folders; a folder that is called like an image, and a link that leads nowhere, are
    passed over.

    :raises DataError: where there are none, a name stands twice, or a mapping names what is not there.
    """
    mapped = [folder / name for name in MAPPINGS if (folder / name).is_file()]
    if len(mapped) > 1:
        raise DataError(f"{folder} holds {' and '.join(MAPPINGS)}", remedy="remove one")
    if mapped:
        return _mapped(folder, mapped[0])
    names: dict[str, Path] = {}
    for file in _files(folder):
        name = file.relative_to(folder).with_suffix("").as_posix()
        if name in names:
            raise DataError(f"{folder} holds {name} twice: {names[name].name}, {file.name}", remedy="remove one")
        names[name] = file
    if not names:
        known = ", ".join(SUFFIXES)
        raise DataError(f"{folder} holds no images", remedy=f"write <id>.png for each item; read: {known}")
    return names


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    seen: set[str] = set()
    for place, folders, files in os.walk(folder, followlinks=True):
        # A link may lead to a folder above it.
        here = os.path.realpath(place)
        if here in seen:
            folders.clear()
            continue
        seen.add(here)
        paths = [Path(place) / name for name in files if Path(name).suffix.lower() in SUFFIXES]
        found += [path for path in paths if path.is_file()]
    return sorted(found)


def _mapped(folder: Path, mapping: Path) -> dict[str, Path]:
    try:
        text = regular_text(mapping, "utf-8-sig")
        pairs = _of_json(text) if mapping.suffix == ".json" else _of_csv(text)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{mapping} cannot be read as a mapping: {error}"
        raise DataError(msg, remedy='write {"item": "file.png"}, or a CSV with the columns item and file') from error
    names: dict[str, Path] = {}
    for item, file in pairs:
        if item in names:
            raise DataError(f"{mapping} maps {item} twice", remedy="keep one")
        if Path(file).is_absolute() or ".." in Path(file).parts:
            raise DataError(f"{mapping}: {file!r} leads out of the folder", remedy="name files below the folder")
        names[item] = folder / file
    lacking = [item for item, path in names.items() if not path.is_file()]
    if lacking:
        raise DataError(
            f"{mapping} names files that are not there, of {first_names(lacking)}", remedy="mend the mapping"
        )
    if not names:
        raise DataError(f"{mapping} names no images", remedy="name a file for each item")
    return dict(sorted(names.items()))


def _of_json(text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = loads(text, object_pairs_hook=list)
    if not all(isinstance(item, str) and isinstance(file, str) for item, file in pairs):
        raise ValueError("it does not map texts to texts")
    return pairs


def _of_csv(text: str) -> list[tuple[str, str]]:
    reader = csv.DictReader(io.StringIO(text))
    if not {"item", "file"} <= set(reader.fieldnames or ()):
        raise ValueError("it has no columns item and file")
    if len(set(reader.fieldnames or ())) != len(reader.fieldnames or ()):
        raise ValueError("two of its columns have one name")
    rows = [(row["item"], row["file"]) for row in reader]
    if not all(item and file for item, file in rows):
        raise ValueError("a row is short")
    return rows
