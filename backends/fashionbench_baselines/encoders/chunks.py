"""Cut a lazily read sequence into chunks, so that the images of one chunk are in memory at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")

SIZE = 64


def chunks(items: Iterable[T], size: int = SIZE) -> Iterator[list[T]]:
    """Yield lists of ``size`` items in order; the last one may be shorter."""
    chunk: list[T] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
