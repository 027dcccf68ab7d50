"""Read the packaged garments and find their images."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.files import regular_text
from fashionbench.json_reader import parse_json

if TYPE_CHECKING:
    from collections.abc import Mapping

ARTISTS = ("fluent", "noto", "twemoji")
"""Who drew the images: Microsoft (Fluent Emoji Flat), Google (Noto Emoji), Twitter (Twemoji)."""

_REMEDY = "reinstall fashionbench, or rebuild the folder with python tools/build_wardrobe.py"


@dataclass(frozen=True, slots=True)
class Garment:
    """One garment, the same for every artist.

    :param id: code points of the emoji in lower-case hexadecimal, such as ``1f457``.
    :param label: CLDR short name, such as ``dress``.
    :param tags: CLDR keywords, sorted, without the label.
    """

    id: str
    label: str
    tags: tuple[str, ...]

    @property
    def caption(self) -> str:
        """The text used in retrieval: ``<label>; <tag>, <tag>, ...``, or the label alone where there are no tags."""
        return f"{self.label}; {', '.join(self.tags)}" if self.tags else self.label


def data_root(root: Path | None = None) -> Path:
    """Return the folder that holds ``garments.json`` and ``images``: ``root``, or the packaged one if it is None."""
    return Path(str(files("fashionbench_tasks.wardrobe").joinpath("data"))) if root is None else root


def garments(root: Path | None = None) -> tuple[Garment, ...]:
    """Read every garment, sorted by id.

    :param root: a folder as ``build.py`` writes it; None reads the packaged one.
    :raises DataError: ``garments.json`` is missing or malformed, or two garments share an id or a caption.
    """
    path = data_root(root) / "garments.json"
    try:
        entries = parse_json(regular_text(path), str(path))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", remedy=_REMEDY) from error
    except ValueError as error:
        raise DataError(f"{path} is not JSON in UTF-8: {error}", remedy=_REMEDY) from error
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path} must hold a list of garments that is not empty", remedy=_REMEDY)
    by_id = sorted((_garment(entry, number, path) for number, entry in enumerate(entries)), key=lambda item: item.id)
    for field in ("id", "caption"):
        seen: dict[str, str] = {}
        for item in by_id:
            value = getattr(item, field)
            if value in seen:
                raise DataError(f"{path}: {seen[value]} and {item.id} share the {field} {value!r}", remedy=_REMEDY)
            seen[value] = item.id
    return tuple(by_id)


def image_path(garment_id: str, artist: str, root: Path | None = None) -> Path:
    """Find the PNG of a garment by an artist: 160 x 160 pixels, RGB, on white.

    :param garment_id: id of a garment, as in :func:`garments`.
    :param artist: one of :data:`ARTISTS`.
    :raises DataError: the artist is unknown, or there is no such image.
    """
    if artist not in ARTISTS:
        raise DataError(f"unknown artist {artist!r}", remedy=f"use one of {', '.join(ARTISTS)}")
    path = data_root(root) / "images" / artist / f"{garment_id}.png"
    if not path.is_file():
        raise DataError(f"no image of garment {garment_id!r} by {artist}: {path} is missing", remedy=_REMEDY)
    return path


class WardrobeFiles:
    """The packaged files, as ``fashionbench data`` looks at those of any data set."""

    def __init__(self, root: Path | None) -> None:
        self.root = data_root(root)
        self._garments = garments(root)

    def images(self) -> Mapping[str, Path]:
        """Return the drawing of each garment by each artist."""
        folder = self.root / "images"
        return {f"{who}/{one.id}": folder / who / f"{one.id}.png" for who in ARTISTS for one in self._garments}

    def annotations(self) -> Mapping[str, Path]:
        """Return the list of garments."""
        return {"garments": self.root / "garments.json"}

    def counts(self) -> Mapping[str, int]:
        """Count garments and their drawings."""
        return {"garments": len(self._garments), "drawings": len(self.images())}

    def extra(self) -> list[str]:
        """List drawings of what is no garment."""
        known = set(self.images().values())
        return sorted(f"{p.parent.name}/{p.name}" for p in self.root.glob("images/*/*.png") if p not in known)


def _garment(entry: Any, number: int, path: Path) -> Garment:
    place = f"{path}, entry {number}"
    if not isinstance(entry, dict):
        raise DataError(f"{place}: expected an object, found {type(entry).__name__}", remedy=_REMEDY)
    for key in ("id", "label"):
        if not isinstance(entry.get(key), str) or not entry[key]:
            raise DataError(f"{place}: {key!r} must be a string that is not empty", remedy=_REMEDY)
    tags = entry.get("tags")
    if not isinstance(tags, list) or not all(isinstance(tag, str) and tag for tag in tags):
        raise DataError(f"{place} ({entry['id']}): 'tags' must be a list of strings that are not empty", remedy=_REMEDY)
    return Garment(entry["id"], entry["label"], tuple(sorted(set(tags) - {entry["label"]})))
