"""Batches of one side that were asked for and are not answered yet, for what is computed must not depend on them.

One process finds a batch in its memory or cache where all of it was embedded by earlier batches. Where several are
computed side by side, the answers of these may not be there yet: such a batch waits for its turn, so that the same
batches are computed, whatever their number at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Awaited:
    at: int
    sources: frozenset[Hashable]
    keys: set[bytes] = field(default_factory=set)


class AwaitedBatches:
    """The batches, by the place of their first item."""

    def __init__(self) -> None:
        self._batches: deque[_Awaited] = deque()

    def begin(self, at: int, sources: Sequence[Hashable]) -> None:
        """Take a batch that is asked for; those from its place on were given up."""
        self.forget(at)
        self._batches.append(_Awaited(at, frozenset(sources)))

    def forget(self, at: int) -> None:
        """Forget those from a place on, which are asked for anew."""
        while self._batches and self._batches[-1].at >= at:
            self._batches.pop()

    def over(self, at: int) -> None:
        """Forget a batch that is answered, and those before it."""
        while self._batches and self._batches[0].at <= at:
            self._batches.popleft()

    def decide_sources(self, sources: Sequence[T], named: Sequence[Hashable], known: Callable[[list[T]], bool]) -> bool:
        """Tell whether all items of a batch are known or awaited, and some awaited.

        :param named: the keys of the items.
        :param known: tells whether some items, at least one, all are known.
        """
        open_ones = frozenset().union(*(batch.sources for batch in self._batches))
        fresh = [source for source, name in zip(sources, named, strict=True) if name not in open_ones]
        return len(fresh) < len(sources) and (not fresh or known(fresh))

    def decide_keys(self, keys: Sequence[bytes], known: Callable[[list[bytes]], bool]) -> bool:
        """Tell the same of the keys of the embeddings of the last batch, and keep them with it."""
        open_ones = set().union(*(batch.keys for batch in self._batches))
        fresh = [key for key in keys if key not in open_ones]
        self._batches[-1].keys.update(keys)
        return len(fresh) < len(keys) and (not fresh or known(fresh))
