"""Vectors of the frozen sentence encoder for the texts of a phase, encoded by several processes side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.canonical import digest
from fashionbench_unifashion.training.distributed import all_gather_parts, own_part, same_work, world_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fashionbench_unifashion.qformer.sentence_encoder import SentenceEncoder

_TOGETHER = 64


def read_texts(
    encoder: SentenceEncoder | None,
    texts: Iterable[str],
    begin: Callable[[str, int], object],
    advance: Callable[..., object],
) -> None:
    """Encode texts that a phase will draw, each on one process, and keep the vectors on all.

    One process by itself encodes each text when it is first drawn, which takes it no longer.

    :param begin: called with what is read and how much of it there is.
    """
    if encoder is None:
        return
    unread, world = encoder.unread(texts), world_size()
    if not same_work(digest(unread)) or not unread:
        return
    begin("reading texts", len(unread))
    for start in range(0, len(unread), _TOGETHER * world):
        group = unread[start : start + _TOGETHER * world]
        parts = [group[number::world] for number in range(min(world, len(group)))]
        vectors = encoder.vectors(own_part(parts)).to(encoder.proj.weight.device)
        for part, made in all_gather_parts(vectors, parts):
            encoder.keep(part, made)
        advance(len(group))
