"""Commands in processes of their own, which find the heavy packages imported.

Importing torch, transformers and diffusers takes longer than most of what tests ask of another process. A server process
imports them once and does nothing else, and each command is a fork of it: it has memory, files and an end of its own.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from functools import cache
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from multiprocessing.context import ForkServerContext, ForkServerProcess
    from pathlib import Path

#: Where an import fails, the command imports for itself, and says what is missing.
_IMPORTED = ("fashionbench_baselines.retrieval.lit", "fashionbench_unifashion.training.trainer")


def start_command(
    *words: str, folder: Path, printed: Path, threads: int = 1, environment: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """Start ``fashionbench``, or ``-c PROGRAM``, in a folder; what it prints, errors too, goes to a file.

    :param threads: of torch; another number adds up in another order.
    """
    given = {**os.environ, "OMP_NUM_THREADS": str(threads), **(environment or {})}
    process = _server().Process(target=_run, args=(words, folder, printed, threads, given))
    process.start()
    return process


@cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*_IMPORTED])
    before = os.environ.get("OMP_NUM_THREADS")
    # Threads that a library has started do not survive a fork.
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("OMP_NUM_THREADS")
        os.environ.update({} if before is None else {"OMP_NUM_THREADS": before})
    return context


def _run(words: tuple[str, ...], folder: Path, printed: Path, threads: int, environment: dict[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with printed.open("wb", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.argv = ["fashionbench", *words]
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    if words[0] == "-c":
        exec(words[1], {"__name__": "__main__"})
        return
    from fashionbench.cli.main import main

    sys.exit(main())
