"""How many threads or programs of ours compute side by side: as many as there are cores for this process."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Map = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]


def threads_to_use(most: int) -> int:
    """Return how many threads may compute at once, at least 1.

    :param most: more than so many bring nothing.
    :returns: the cores that the system gives to this process, or ``OMP_NUM_THREADS`` where that is less: who says how
        many threads a library may have, such as for each of several workers, means ours too.
    """
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    said = os.environ.get("OMP_NUM_THREADS", "")
    wanted = int(said) if said.isascii() and said.isdecimal() and int(said) else there
    return max(1, min(most, there, wanted))


@contextmanager
def map_over_threads(number: int) -> Iterator[Map]:
    """Yield a map over a number of threads, each of which multiplies matrices by itself; results come in order.

    A product that BLAS spreads over all cores waits for what is done with it on one of them.

    :param number: of threads; with 1 it is Python's own map, and BLAS has its threads.
    """
    if number == 1:
        yield map
        return
    # Here, for the start of a command needs neither.
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(number, thread_name_prefix="blocks") as pool:
        yield pool.map
