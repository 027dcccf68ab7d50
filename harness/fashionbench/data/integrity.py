"""Look at every file of a data set once: its hash, and whether it can be read.

The fingerprint of a data set is over file contents, so two copies agree whatever their dates and places, and one
changed pixel makes another data set. A survey remembers hashes by size and modification time, so that a second run
reads nothing.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from fashionbench.canonical import digest
from fashionbench.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found.

    :param fingerprint: ``sha256:`` over the sorted names and content hashes of all files, absent ones included.
    :param missing: names without a file.
    :param unreadable: names whose file is not an image that can be decoded, with the reason.
    """

    fingerprint: str
    count: int
    missing: tuple[str, ...]
    unreadable: Mapping[str, str]

    @property
    def absent(self) -> frozenset[str]:
        """Names that cannot be used."""
        return frozenset(self.missing) | frozenset(self.unreadable)


def survey(
    images: Mapping[str, Path],
    annotations: Mapping[str, Path] | None = None,
    *,
    cache: Path | None = None,
    advance: Callable[[int], object] = lambda _: None,
) -> Survey:
    """Hash and decode the images of a data set, and hash its annotation files.

    :param images: paths by the name that the data set uses for them.
    :param annotations: files that are hashed but not decoded; they must exist.
    :param cache: a JSON file that remembers earlier findings; a damaged one is made anew.
    :param advance: called with the number of files that were looked at.
    """
    memory = _remembered(cache)
    entries: dict[str, list[str]] = {}
    missing: list[str] = []
    unreadable: dict[str, str] = {}
    for name, path in sorted(images.items()):
        if not path.is_file():
            missing.append(name)
            entries[name] = ["missing"]
        else:
            checksum, fault = _look(path, memory, decode=True)
            entries[name] = [checksum]
            if fault:
                unreadable[name] = fault
        advance(1)
    for name, path in sorted((annotations or {}).items()):
        entries[f"annotation:{name}"] = [_look(path, memory, decode=False)[0]]
        advance(1)
    if cache is not None:
        write_text(cache, json.dumps(memory))
    return Survey(digest(entries), len(images), tuple(missing), unreadable)


def _look(path: Path, memory: dict[str, Any], *, decode: bool) -> tuple[str, str]:
    status = path.stat()
    stamp = [status.st_size, status.st_mtime_ns, decode]
    known = memory.get(str(path))
    if isinstance(known, list) and len(known) == 3 and known[0] == stamp:
        return str(known[1]), str(known[2])
    checksum = hashlib.sha256(path.read_bytes()).hexdigest()
    fault = _decode_fault(path) if decode else ""
    memory[str(path)] = [stamp, checksum, fault]
    return checksum, fault


def _decode_fault(path: Path) -> str:
    try:
        with Image.open(path) as image:
            image.load()
    except Exception as error:  # decoders raise many types, struct.error and SyntaxError among them
        return f"{type(error).__name__}: {error}"
    return ""


def _remembered(cache: Path | None) -> dict[str, Any]:
    if cache is None or not cache.is_file():
        return {}
    try:
        loaded = json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}
