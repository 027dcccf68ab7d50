"""The program of the second process: train the models of a run, and store their records."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from fashionbench.data.roots import DataRoots
from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.cell_work import CellWork
from fashionbench.runner.config import make_config
from fashionbench.runner.executors.relayed_progress import PipedReporter
from fashionbench.runner.plan import make_plan


def main() -> None:
    """Read a run from standard input, and train its models; end when standard input ends."""
    fields = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_standard_input, daemon=True).start()
    sys.argv = fields["command"]  # which records name
    # What models print by the way must not come between the lines of progress.
    progress = os.fdopen(os.dup(1), "w", encoding="utf-8")
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), 1)
    plugins = Plugins()
    plan = make_plan(make_config(fields["config"]), plugins)
    store = Store(Path(fields["store"]))
    roots = DataRoots(named=plan.config.data, cache=store.cache / "surveys")
    work = CellWork(plan, plugins, store, roots, lambda _hook, _event: None)
    with work.context(PipedReporter(progress)) as context:
        for training in plan.trainings:
            work.train(training, context)


def _end_with_standard_input() -> None:
    # Not through sys.stdin, whose lock would be held when this process ends by itself.
    while os.read(0, 1):
        pass
    os._exit(1)
