"""What a data set is to the harness: files that should be there, and counts that should come out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fashionbench.data.integrity import survey
from fashionbench.data.packed_files import is_there

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

#: A generated twin of a data set carries this file in its root, with the name and the seed of its maker.
TWIN_MARK = "SYNTHETIC.json"


class Dataset(Protocol):
    """What the target of a data set's specification builds from a root folder."""

    def images(self) -> Mapping[str, Path]:
        """Return the path of every image that the annotations name, by name; a path need not exist."""
        ...

    def annotations(self) -> Mapping[str, Path]:
        """Return the annotation files, by name."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Count what the annotations hold, under the names of ``DatasetSpec.expected``."""
        ...

    def extra(self) -> Sequence[str]:
        """List files in the image folders that no annotation names."""
        ...


@dataclass(frozen=True, slots=True)
class Status:
    """What is there of a data set.

    :param counts: name -> (found, published); published is None where nothing was published.
    :param unreadable: images that cannot be decoded; known after ``verify`` alone.
    :param fingerprint: over all contents; empty before ``verify``.
    """

    dataset: str
    root: Path
    images: int
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    counts: Mapping[str, tuple[int, int | None]]
    synthetic: bool
    unreadable: Mapping[str, str]
    fingerprint: str = ""

    @property
    def whole(self) -> bool:
        """Whether all files are there and readable and all counts are the published ones."""
        agree = all(published is None or found == published for found, published in self.counts.values())
        return agree and not self.missing and not self.unreadable


def status(
    name: str,
    dataset: Dataset,
    root: Path,
    expected: Mapping[str, int],
    *,
    verify: bool = False,
    cache: Path | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Status:
    """Compare a data set with what was published.

    :param verify: also hash and decode every file, whatever is remembered of it.
    :param cache: where a survey is remembered.
    :param advance: called with the number of files that were looked at.
    """
    images = dataset.images()
    found = dataset.counts()
    names = [*expected, *(name for name in found if name not in expected)]
    unreadable: Mapping[str, str] = {}
    fingerprint = ""
    if verify:
        looked = survey(images, dataset.annotations(), cache=cache, reread=True, advance=advance)
        unreadable, fingerprint = looked.unreadable, looked.fingerprint
    return Status(
        dataset=name,
        root=root,
        images=len(images),
        missing=tuple(sorted(name for name, path in images.items() if not is_there(path))),
        extra=tuple(dataset.extra()),
        counts={name: (found.get(name, 0), expected.get(name)) for name in names},
        synthetic=is_twin(root),
        unreadable=unreadable,
        fingerprint=fingerprint,
    )


def is_twin(root: Path) -> bool:
    """Tell whether a folder holds a generated twin instead of the real data."""
    return (root / TWIN_MARK).is_file()


def mark_twin(root: Path, maker: str, seed: int) -> None:
    """Mark a folder as a generated twin."""
    (root / TWIN_MARK).write_text(json.dumps({"maker": maker, "seed": seed}) + "\n", encoding="utf-8")
