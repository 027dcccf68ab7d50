"""Answers of an endpoint that were paid for, kept one by one, so that no run pays twice."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fashionbench.canonical import digest
from fashionbench.errors import FashionBenchError
from fashionbench.files import regular_text, write_text
from fashionbench.json_reader import loads

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """A text, or an image in base64, and how many tokens went there and came back."""

    content: str
    tokens_in: int
    tokens_out: int


class Answers:
    """A folder with one file an answer, by the hash of everything that was asked.

    A file that cannot be read, or is not what its checksum says, is no answer: it is asked for again and replaced.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, request: dict[str, Any]) -> Answer | None:
        """Return the answer to a request; None where there is none."""
        try:
            path = self._path(request)
            kept = loads(regular_text(path))
            answer = Answer(str(kept["content"]), int(kept["tokens_in"]), int(kept["tokens_out"]))
            # Answers of before there were checksums have none, and were paid for.
            return answer if kept.get("checksum", _checksum(path, answer)) == _checksum(path, answer) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, FashionBenchError):
            return None

    def put(self, request: dict[str, Any], answer: Answer) -> None:
        """Keep an answer."""
        path = self._path(request)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({**asdict(answer), "checksum": _checksum(path, answer)}, ensure_ascii=False))

    def _path(self, request: dict[str, Any]) -> Path:
        name = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"


def _checksum(path: Path, answer: Answer) -> str:
    return digest([path.stem, asdict(answer)])
