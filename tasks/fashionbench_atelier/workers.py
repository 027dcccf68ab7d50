"""Render a world on several processes: the same results in the same order, however many there are."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from fashionbench_atelier.world.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.process import BaseProcess

Job = TypeVar("Job")
Result = TypeVar("Result")

_BATCH = 16
#: Read by Python when it starts, as its option -P.
_SAFE_PATH = "PYTHONSAFEPATH"
_worlds: list[World] = []


def run_jobs(
    world: World, jobs: Sequence[Job], do: Callable[[World, Job], Result], processes: int = 1
) -> Iterator[Result]:
    """Do every job and yield the results in the order of the jobs.

    Workers are started afresh, not forked, so it is safe beside torch; each makes the world again from its seed, which
    is cheaper than sending it. ``do`` must be a function of a module, and results should be small: write files
    inside ``do``.

    :param processes: 1 works in this process.
    """
    if processes <= 1:
        for job in jobs:
            yield do(world, job)
        return
    described = (world.seed, world.size, world.people, world.outfits)
    context = multiprocessing.get_context("spawn")
    with (
        _without_the_working_folder(),
        ProcessPoolExecutor(processes, mp_context=context, initializer=_start_worker, initargs=described) as pool,
    ):
        yield from pool.map(partial(_do, do), jobs, chunksize=_BATCH)


@contextmanager
def _without_the_working_folder() -> Iterator[None]:
    """Let workers that are started import nothing from where the user stands: a random.py there is not Python's."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _start_worker(seed: int, size: int, people: int, outfits: int) -> None:
    # Ctrl-C reaches the whole group of processes; the parent ends its workers, also where it was killed.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(multiprocessing.parent_process(),), daemon=True).start()
    _worlds[:] = [World(seed, size, people, outfits)]


def _end_with(parent: BaseProcess | None) -> None:
    if parent is not None:
        parent.join()
        os._exit(1)


def _do(do: Callable[[World, Job], Result], job: Job) -> Result:
    return do(_worlds[0], job)
