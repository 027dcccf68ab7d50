"""Captions that a model wrote of a gallery before, kept in a file of its own for each model and instruction."""

from __future__ import annotations

import hashlib
import json
import warnings
from typing import TYPE_CHECKING

from fashionbench.canonical import short
from fashionbench.files import regular_bytes
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from PIL.Image import Image


class GeneratedCaptions:
    """A list of captions by the pixels of their image, one JSON object a line.

    It is memory and no truth: each line has a checksum, and one that is damaged or torn counts as absent; where the
    file cannot be read or written, captions are generated, and it is said once.

    :param folder: where such files lie.
    :param identity: everything that decides a caption beside the image, as a hash.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._path = folder / f"captions-{short(identity, 32)}.jsonl"
        self._identity = identity
        self._known: dict[str, str] | None = None
        self._usable = True

    def of(self, images: Sequence[Image], generate: Callable[[list[int]], list[str]]) -> list[str]:
        """Return the captions of images.

        :param generate: writes captions of the images at some positions.
        """
        known = self._read()
        keys = [_key(image) for image in images]
        first = {key: at for at, key in reversed(list(enumerate(keys))) if key not in known}
        wanted = sorted(first.values())
        if wanted:
            new = {keys[at]: caption for at, caption in zip(wanted, generate(wanted), strict=True)}
            known |= new
            self._append(new)
        return [known[key] for key in keys]

    def _read(self) -> dict[str, str]:
        if self._known is None:
            self._known = {}
            try:
                lines = regular_bytes(self._path).split(b"\n") if self._path.is_file() else []
            except OSError as error:
                self._give_up(error)
                lines = []
            for line in lines:
                try:
                    entry = loads(line)
                    image, caption = str(entry["image"]), str(entry["caption"])
                    if entry["checksum"] == self._checksum(image, caption):
                        self._known[image] = caption
                except (ValueError, KeyError, TypeError):
                    continue
        return self._known

    def _append(self, captions: dict[str, str]) -> None:
        if not self._usable:
            return
        entries = [
            {"image": image, "caption": caption, "checksum": self._checksum(image, caption)}
            for image, caption in captions.items()
        ]
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                # Begun on a line of its own: the last one may be torn.
                file.write("".join(f"\n{json.dumps(entry)}" for entry in entries).encode())
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self._usable = False
        warnings.warn(f"captions are not kept: {self._path.name}: {error.strerror}", stacklevel=2)

    def _checksum(self, image: str, caption: str) -> str:
        return hashlib.blake2b(f"{self._identity}\n{image}\n{caption}".encode(), digest_size=16).hexdigest()


def _key(image: Image) -> str:
    state = hashlib.blake2b(f"{image.mode} {image.width}x{image.height}\n".encode(), digest_size=16)
    state.update(image.tobytes())
    return state.hexdigest()
