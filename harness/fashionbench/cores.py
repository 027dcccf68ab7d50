"""How many threads or programs of ours compute side by side: as many as there are cores for this process."""

from __future__ import annotations

import os


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
