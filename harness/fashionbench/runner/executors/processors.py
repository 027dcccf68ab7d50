"""Cores and GPUs of this machine that this process may use."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from fashionbench.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fashionbench.runner.executors.contract import Job

#: What tells libraries of numbers how many threads to use, when they are imported.
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SECONDS = 60


def cores() -> int:
    """Return the number of cores that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def gpus() -> list[str]:
    """Return the names by which CUDA shows GPUs to a process; torch is not asked, which would start one."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if shown is not None:
        return [name for name in shown.split(",") if name.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    words = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        told = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return []
    return told.stdout.split()


def gpus_each(jobs: Sequence[Job]) -> int:
    """Return how many GPUs a process must see that executes any of some jobs, at least one.

    :raises ConfigError: where one takes all that it sees, of which nobody can say how many that are.
    """
    for job in jobs:
        if math.isinf(job.resources.gpus):
            msg = f"{job.name} takes every GPU that it sees (device_map), and each process of several sees some"
            remedy = "say how many by max_memory, such as {'cuda:0': 70GiB, 'cuda:1': 70GiB}, or run in one process"
            raise ConfigError(msg, remedy=remedy)
    return max([1, *(math.ceil(job.resources.gpus) for job in jobs)])


def environments_of(count: int, device: str, threads: int | None = None, each: int = 1) -> list[dict[str, str]]:
    """Return what is set in the environment of each of some processes that compute side by side.

    :param threads: of each; None for an equal share of the cores, unless the user has said how many.
    :param each: how many GPUs each is shown.
    :raises ConfigError: where there are too few GPUs.
    """
    # Threads that wait for each other's cores take several times as long.
    said = threads is None and any(name in os.environ for name in THREADS)
    number = str(threads or max(1, cores() // count))
    shared = {} if said else dict.fromkeys(THREADS, number)
    if device == "cpu":
        return [shared] * count
    found = gpus() if device == "cuda" else []
    if len(found) < count * each:
        has = f"{len(found)} GPUs" if device == "cuda" else f"the device {device}"
        more = "" if each == 1 else f", {each} each"
        msg = f"{count} processes are to compute on {has}{more}: two models on one would share its memory"
        raise ConfigError(msg, remedy="lower the option workers, or shards, or take --device cpu")
    shown = [found[at * each : (at + 1) * each] for at in range(count)]
    return [{**shared, "CUDA_VISIBLE_DEVICES": ",".join(names)} for names in shown]
