"""Training data that count the examples a backend reads while it fits, for progress."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fashionbench.data.training_examples import Kind, TrainingData


class _Counted(Sequence[Any]):
    """A sequence that reports each element the first time it is read."""

    def __init__(self, rows: Sequence[Any], advance: Callable[[int, str], object]) -> None:
        self._rows = rows
        self._advance = advance
        self._read: set[int] = set()

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, at: int) -> Any: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Any]: ...

    def __getitem__(self, at: int | slice) -> Any:
        if isinstance(at, slice):
            return [self[one] for one in range(*at.indices(len(self)))]
        place = range(len(self))[at]  # of a negative index, and an IndexError behind the end
        row = self._rows[place]
        if place not in self._read:
            self._read.add(place)
            self._advance(1, "fit")
        return row

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)  # such as ``names``, which tells what there is without decoding

    def finish(self) -> None:
        """Report what was never read."""
        self._advance(len(self._rows) - len(self._read), "fit")


@contextmanager
def counted_training(
    training: TrainingData, kinds: frozenset[Kind], advance: Callable[[int, str], object]
) -> Iterator[TrainingData]:
    """Yield training data whose examples of the given kinds are counted when they are read.

    :param kinds: what the backend learns from; empty where it takes whatever there is.
    """
    counted = {
        kind: _Counted(getattr(training, kind), advance)
        for kind in ("pairs", "triplets", "tryon_examples")
        if (not kinds or kind in kinds) and len(getattr(training, kind))
    }
    yield replace(training, **counted)  # type: ignore[arg-type]
    for rows in counted.values():
        rows.finish()
