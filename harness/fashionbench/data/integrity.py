"""Integrity of a data set on disk: the fingerprint of all contents, missing files, and files that cannot be decoded.

The fingerprint is over file contents, so two copies agree whatever their dates and places, and one changed pixel makes
another data set. What was looked at is remembered in a :class:`~fashionbench.data.file_index.FileIndex`, which all
tasks of a store share, so that each image is read and decoded once.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench.data.file_index import FileIndex
from fashionbench.data.packed_files import is_there
from fashionbench.data.search import describe_search

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    :param fingerprint: ``sha256:`` over the sorted names and content hashes of all files, absent ones included.
    :param missing: names without a file.
    :param count: how many images were asked for.
    :param unreadable: names whose file is not an image that can be decoded, with the reason.
    :param forms: how many images are of each form, such as ``JPEG`` or ``PNG alpha``.
    :param annotations: ``sha256:`` over the annotation files alone.
    :param looked_for: where the missing were looked for, and what is there instead; empty where none is missing.
    """

    fingerprint: str
    count: int
    missing: tuple[str, ...]
    unreadable: Mapping[str, str]
    forms: Mapping[str, int]
    annotations: str = ""
    looked_for: str = ""

    @property
    def absent(self) -> frozenset[str]:
        """Names that cannot be used."""
        return frozenset(self.missing) | frozenset(self.unreadable)


def survey(
    images: Mapping[str, Path],
    annotations: Mapping[str, Path] | None = None,
    *,
    cache: Path | None = None,
    reread: bool = False,
    advance: Callable[[int], object] = lambda _: None,
) -> Survey:
    """Hash and decode the images of a data set, and hash its annotation files.

    :param images: paths by the name that the data set uses for them.
    :param annotations: files that are hashed but not decoded; they must exist.
    :param cache: the file of the index that remembers earlier findings; a damaged one is made anew.
    :param reread: read every byte, whatever is remembered.
    :param advance: called with the number of files that were looked at.
    """
    with FileIndex(cache, reread=reread) as index:
        there = {name: path for name, path in sorted(images.items()) if is_there(path)}
        advance(len(images) - len(there))
        looked = index.look(there.values(), decode_images=True, advance=advance)
        hashed = index.look((annotations or {}).values(), decode_images=False, advance=advance)
    entries: dict[str, list[str]] = {name: [looked[path].sha256] for name, path in there.items()}
    missing = tuple(sorted(set(images) - set(there)))
    entries |= {name: ["missing"] for name in missing}
    texts = {f"annotation:{name}": [hashed[path].sha256] for name, path in sorted((annotations or {}).items())}
    entries |= texts
    unreadable = {name: fault for name, path in there.items() if (fault := looked[path].fault)}
    forms = Counter(facts.form for path in there.values() if not (facts := looked[path]).fault)
    looked_for = describe_search([images[name] for name in missing])
    return Survey(
        digest(entries), len(images), missing, unreadable, dict(sorted(forms.items())), digest(texts), looked_for
    )
