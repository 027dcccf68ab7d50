"""Find a batch size that fits in memory."""

from __future__ import annotations

import sys
from collections import deque
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

    def run(
        self,
        items: Sequence[S],
        begin: Callable[[int, Sequence[S], Sequence[S]], Callable[[], R]],
        *,
        ahead: int = 0,
        alone: bool = False,
    ) -> Iterator[tuple[Sequence[S], R]]:
        """Begin with one batch after the other, and give back each batch with its result, in their order.

        Where memory runs out, what was begun after that batch is begun anew, so that the batches are those of one that
        is begun when the one before it is done.

        :param begin: takes the place of the first item, a batch, and the one that comes next unless memory runs out
            before; that is empty where items are made when they are asked for, or several batches are begun at once. It
            returns what waits for the result.
        :param ahead: how many batches are begun before the result of the one before them is there.
        :param alone: whether to wait for the first one before others are begun.
        :raises BackendError: where not even one item fits.
        """
        waiting: deque[tuple[Sequence[S], Callable[[], R]]] = deque()
        at = done = 0
        while done < len(items):
            while at < len(items) and len(waiting) <= (ahead if done or not alone else 0):
                batch = items[at : at + self.size]
                then = at + len(batch)
                one_by_one = not ahead and isinstance(items, (list, tuple))
                following = items[then : then + self.size] if one_by_one else ()
                waiting.append((batch, _begun(begin, at, batch, following)))
                at = then
            batch, wait = waiting[0]
            try:
                result = wait()
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                if self.size == 1:
                    raise BackendError(
                        "memory ran out with a batch of one item", remedy="use a smaller model"
                    ) from error
                self.size = max(1, min(self.size, len(batch)) // 2)
                empty_cache()
                waiting.clear()
                at = done
                continue
            waiting.popleft()
            done += len(batch)
            yield batch, result


def _begun(
    begin: Callable[[int, Sequence[S], Sequence[S]], Callable[[], R]],
    at: int,
    batch: Sequence[S],
    following: Sequence[S],
) -> Callable[[], R]:
    """Begin with a batch; what that raises is raised when its turn has come."""
    try:
        return begin(at, batch, following)
    except Exception as error:  # raised below
        raised = error

    def wait() -> R:
        raise raised

    return wait


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out; torch raises a RuntimeError with that in its text."""
    return isinstance(error, MemoryError) or "out of memory" in text_of(error).lower()


def empty_cache() -> None:
    """Give back what torch keeps of the memory of GPUs."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
