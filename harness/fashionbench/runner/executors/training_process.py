"""Train the models of a run in a second process, while the cells that need none of them are run.

The process does what the run would do when it comes to the training: it holds the lock of the model's folder, and
stores the record. Cells that need a model wait for its end. Where it fails, the run trains itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fashionbench.files import slug
from fashionbench.records.store import Store
from fashionbench.runner.executors.processors import THREADS, cores
from fashionbench.runner.executors.relayed_progress import PipeReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fashionbench.progress import Reporter
    from fashionbench.runner.plan import Plan

_PROGRAM = "from fashionbench.runner.executors.train_models import main; main()"


def pays(plan: Plan, store: Store, device: str) -> bool:
    """Tell whether a second process saves time: a model is yet to be trained, and other cells can be run meanwhile.

    On an accelerator the two would share its memory; a store that a plugin opened is known to this process alone.
    """
    models = store.root / "models"
    untrained = any(not any(models.glob(f"{slug(one.trainer.id)}-*/model")) for one in plan.trainings)
    others = any(not cell.trainings for cell in plan.cells)
    return cores() > 1 and device == "cpu" and type(store) is Store and untrained and others


def _set_threads(count: int) -> None:
    """Let this process compute with so many threads, whether torch is imported already or comes later."""
    os.environ.update(dict.fromkeys(THREADS, str(count)))
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(count)


@contextmanager
def training_process(plan: Plan, store: Store) -> Iterator[Callable[[Reporter], object]]:
    """Train what a plan needs in a second process, which ends with this one, however that ends.

    Gives a function that waits until everything is trained, and shows what is yet to be done of it.
    """
    fields = {
        "config": plan.config.model_dump(mode="json", exclude={"board"}),
        "store": str(store.root),
        "command": sys.argv,
    }
    # Threads of two processes that wait for each other's cores take several times as long: each has half of them,
    # unless the user has said how many.
    shared = not any(name in os.environ for name in THREADS)
    if shared:
        _set_threads(max(1, cores() // 2))
    # It prints nothing: what goes wrong goes wrong again in the run, and is said there.
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, "-P", "-c", _PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="utf-8",
    )
    assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018
    progress = PipeReader(process.stdout)

    def wait(reporter: Reporter) -> None:
        progress.show(reporter, lambda: process.poll() is None)
        process.wait()
        if shared:
            _set_threads(cores())

    try:
        process.stdin.write(json.dumps(fields) + "\n")
        process.stdin.flush()
        yield wait
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        if shared:
            for name in THREADS:
                os.environ.pop(name, None)
