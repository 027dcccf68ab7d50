"""Manifest file of a generated folder: version, seed, sizes and fingerprint."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.errors import DataError
from fashionbench.files import regular_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

NAME = "ATELIER.json"

VERSION = 6
"""Raised whenever the same seed and sizes give other annotations, other images or other places."""

DATASET_ID = "atelier"


@dataclass(frozen=True, slots=True)
class TwinManifest:
    """What a folder was made from, and what came out.

    :param sizes: ``products``, ``people``, ``outfits``, and ``h5`` (0 or 1).
    :param files: number of files, without this one.
    :param fingerprint: over the sorted names and the contents of these files.
    """

    version: int
    seed: int
    sizes: Mapping[str, int]
    files: int
    fingerprint: str

    def same(self, seed: int, sizes: Mapping[str, int]) -> bool:
        """Tell whether this version would make the same again."""
        return (self.version, self.seed, dict(self.sizes)) == (VERSION, seed, dict(sizes))

    def write(self, root: Path) -> None:
        """Write it below a root."""
        (root / NAME).write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8", newline="\n")


def read_manifest(root: Path) -> TwinManifest:
    """Read the mark of a folder.

    :raises DataError: the folder has none, or it is not one.
    """
    path = root / NAME
    remedy = "make the folder with 'fashionbench data make atelier --out FOLDER'"
    try:
        loaded: dict[str, Any] = loads(regular_text(path))
        return TwinManifest(
            int(loaded["version"]),
            int(loaded["seed"]),
            {str(name): int(size) for name, size in loaded["sizes"].items()},
            int(loaded["files"]),
            str(loaded["fingerprint"]),
        )
    except OSError as error:
        raise DataError(f"{root} is no whole Atelier: {path} cannot be read", remedy=remedy) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path} is not the mark of an Atelier: {error!r}", remedy=remedy) from error
