"""The plan of a run as another process of it makes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.data.file_index import FileIndex
from fashionbench.errors import ExecutorError, UnknownNameError
from fashionbench.runner.plan import make_plan

if TYPE_CHECKING:
    from fashionbench.data.roots import DataRoots
    from fashionbench.plugins.manager import Plugins
    from fashionbench.runner.config import RunConfig
    from fashionbench.runner.plan import Plan

PLAN_REMEDY = "a class of this process alone cannot travel: name it as FILE.py:CLASS; change no code during a run"


def worker_plan(config: RunConfig, plugins: Plugins, roots: DataRoots) -> Plan:
    """Plan a run again.

    :raises FashionBenchError: where that is not possible here.
    """
    try:
        with FileIndex(roots.index) as index:
            return make_plan(config, plugins, index)
    except UnknownNameError as error:
        raise ExecutorError(
            f"a worker does not know what the run knows: {error.message}", remedy=PLAN_REMEDY
        ) from error
