"""Garments that are to have the colours and the pattern of other garments, with what should come out.

``<split>.jsonl`` has a line a garment: ``id``, the paths below the root of ``garment`` (its photo), ``style`` (that of
another), ``truth``, ``garment-mask`` and ``sketch``, the style in words as ``text``, and ``look``, which is ``solid``
or ``patterned``. The layout is Atelier's own: no published set knows what should come out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.data.roots import inside
from fashionbench.errors import DataError
from fashionbench_tasks.datasets.image_folder import EXTENSIONS
from fashionbench_tasks.datasets.readers import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SPLITS = ("train", "test")
LOOKS = ("solid", "patterned")
_PATHS = ("garment", "style", "truth", "garment-mask", "sketch")


@dataclass(frozen=True, slots=True)
class StyleRow:
    """One garment and the style that it is to have.

    :param garment: the photo of the garment as it is.
    :param style: the photo of another garment, whose colours and pattern are wanted.
    :param truth: the photo of the garment in these colours and this pattern.
    :param mask: where the garment is, in its photo and in the truth.
    :param sketch: the lines of the garment.
    :param text: the style in words.
    :param look: ``solid`` or ``patterned``.
    """

    id: str
    garment: Path
    style: Path
    truth: Path
    mask: Path
    sketch: Path
    text: str
    look: str


class StyleTransfer:
    """The garments of each split below a root folder.

    :raises DataError: where no root is named.
    """

    def __init__(self, root: Path | None) -> None:
        if root is None:
            raise DataError("style transfer needs a root folder", remedy="see 'fashionbench data make atelier'")
        self.root = root

    def rows(self, split: str) -> list[StyleRow]:
        """Return the garments of a split.

        :raises DataError: naming the line that lacks a value, whose path leads out of the folder, whose look is
            unknown, or whose id stands twice.
        """
        path = self._list(split)
        rows: dict[str, StyleRow] = {}
        for entry in read_lines(path, dict.fromkeys(("id", *_PATHS, "text", "look"), str)):
            name = entry["id"]
            if name in rows:
                raise DataError(f"{path} names {name!r} twice", remedy="drop one of the two lines")
            if entry["look"] not in LOOKS:
                msg = f"{path}: the look of {name!r} is {entry['look']!r}"
                raise DataError(msg, remedy=f"it must be {' or '.join(LOOKS)}")
            garment, style, truth, mask, sketch = (inside(self.root, entry[kind]) for kind in _PATHS)
            rows[name] = StyleRow(name, garment, style, truth, mask, sketch, text=entry["text"], look=entry["look"])
        return list(rows.values())

    def _list(self, split: str) -> Path:
        return self.root / f"{split}.jsonl"

    def _present(self) -> list[str]:
        return [split for split in SPLITS if self._list(split).is_file()]

    def images(self) -> Mapping[str, Path]:
        """Return every image of every garment."""
        found: dict[str, Path] = {}
        for split in self._present():
            for row in self.rows(split):
                places = (row.garment, row.style, row.truth, row.mask, row.sketch)
                found |= {f"{split}/{kind}/{row.id}": path for kind, path in zip(_PATHS, places, strict=True)}
        return found

    def annotations(self) -> Mapping[str, Path]:
        """Return the list of each split."""
        return {f"{split}.jsonl": self._list(split) for split in self._present()}

    def counts(self) -> Mapping[str, int]:
        """Count the garments of each split."""
        return {f"garments/{split}": len(self.rows(split)) for split in self._present()}

    def extra(self) -> list[str]:
        """List image files that no list names."""
        known = set(self.images().values())
        files = (path for split in self._present() for path in (self.root / split).rglob("*"))
        return sorted(
            path.relative_to(self.root).as_posix()
            for path in files
            if path.suffix.lower() in EXTENSIONS and path not in known
        )
