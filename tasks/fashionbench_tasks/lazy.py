"""Lazy sequence: elements are computed when they are indexed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Lazy(Sequence[T], Generic[T]):
    """``length`` elements, each made by ``make(index)`` whenever it is indexed.

    :param names: what is known of each element without making it, such as ids and texts; None where nothing is.
    """

    def __init__(self, length: int, make: Callable[[int], T], names: Sequence[tuple[str, ...]] | None = None) -> None:
        self._length = length
        self._make = make
        self.names = names

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, at: int) -> T: ...

    @overload
    def __getitem__(self, at: slice) -> list[T]: ...

    def __getitem__(self, at: int | slice) -> T | list[T]:
        if isinstance(at, slice):
            return [self._make(i) for i in range(*at.indices(self._length))]
        if not -self._length <= at < self._length:
            raise IndexError(at)
        return self._make(at % self._length)
