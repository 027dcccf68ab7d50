"""Cores and GPUs of this machine that this process may use."""

from __future__ import annotations

import os
import shutil
import subprocess

from fashionbench.errors import ConfigError

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


def environments_of(count: int, device: str, threads: int | None = None) -> list[dict[str, str]]:
    """Return what is set in the environment of each of some processes that compute side by side.

    :param threads: of each; None for an equal share of the cores, unless the user has said how many.
    :raises ConfigError: where there are fewer GPUs than processes.
    """
    # Threads that wait for each other's cores take several times as long.
    said = threads is None and any(name in os.environ for name in THREADS)
    number = str(threads or max(1, cores() // count))
    shared = {} if said else dict.fromkeys(THREADS, number)
    if device == "cpu":
        return [shared] * count
    found = gpus() if device == "cuda" else []
    if len(found) < count:
        has = f"{len(found)} GPUs" if device == "cuda" else f"the device {device}"
        msg = f"{count} processes are to compute on {has}: two models on one would share its memory"
        raise ConfigError(msg, remedy="lower the option workers, or shards, or take --device cpu")
    return [{**shared, "CUDA_VISIBLE_DEVICES": found[at]} for at in range(count)]
