"""Find a batch size that fits in memory."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

from fashionbench.errors import BackendError, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

S = TypeVar("S")
R = TypeVar("R")

#: Where the search begins: larger batches gain nothing on a processor, and little on an accelerator.
FIRST = {"cpu": 32}
FIRST_ELSEWHERE = 256


class BatchSize:
    """A batch size for one capability: given, or begun large and halved whenever memory runs out.

    Time plays no part, so that two runs on one machine make the same batches, and so the same floating-point numbers.

    :param given: a fixed size, or None to search.
    :param device: a torch device name.
    """

    def __init__(self, given: int | None, device: str) -> None:
        self.size = given or FIRST.get(device.partition(":")[0], FIRST_ELSEWHERE)

    def run(self, items: Sequence[S], work: Callable[[Sequence[S], Sequence[S]], R]) -> Iterator[tuple[Sequence[S], R]]:
        """Apply ``work`` to one batch after the other, and give back each batch with its result.

        :param work: takes a batch, and the one that comes next unless memory runs out before; that is empty where items
            are made when they are asked for.
        :raises BackendError: where not even one item fits.
        """
        at = 0
        while at < len(items):
            batch = items[at : at + self.size]
            then = at + len(batch)
            try:
                result = work(batch, items[then : then + self.size] if isinstance(items, (list, tuple)) else ())
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if self.size == 1:
                    raise BackendError(
                        "memory ran out with a batch of one item", remedy="use a smaller model"
                    ) from error
                self.size = max(1, min(self.size, len(batch)) // 2)
                _empty_cache()
                continue
            yield batch, result
            at += len(batch)


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out; torch raises a RuntimeError with that in its text."""
    return isinstance(error, MemoryError) or "out of memory" in text_of(error).lower()


def _empty_cache() -> None:
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
