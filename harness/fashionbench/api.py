"""The same words in Python as on the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashionbench.plugins.manager import Plugins
from fashionbench.records.store import Store
from fashionbench.runner.config import RunConfig, load_config, make_config
from fashionbench.runner.executors.local import Runner
from fashionbench.runner.plan import make_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fashionbench.progress import Reporter
    from fashionbench.records.schema import Record

STORE_VARIABLE = "FASHIONBENCH_STORE"


def run(
    config: str | Path | Mapping[str, Any] | RunConfig,
    *,
    store: str | Path | Store | None = None,
    plugins: Plugins | None = None,
    rerun: bool = False,
    reporter: Reporter | None = None,
) -> list[Record]:
    """Run tasks on backends, and return one record a cell.

    :param config: a YAML file, the name of a board, or the fields of a run such as
        ``{"tasks": ["wardrobe/*"], "backends": ["control/random"]}``.
    :param store: the folder of the records; by default ``$FASHIONBENCH_STORE`` or ``./results``.
    :param rerun: execute cells again that the store has records of.
    :raises ConfigError: where the configuration cannot be run.
    """
    loaded = plugins or Plugins()
    if isinstance(config, (str, Path)):
        chosen = load_config(str(config), loaded)
    else:
        chosen = config if isinstance(config, RunConfig) else make_config(dict(config))
    return Runner(make_plan(chosen, loaded), loaded, open_store(store, loaded), rerun=rerun).run(reporter)


def load_records(store: str | Path | Store | None = None, *, everything: bool = False) -> list[Record]:
    """Read the records of a store, oldest first.

    :param everything: also those that were superseded or invalidated.
    """
    scan = open_store(store, Plugins()).scan()
    return scan.records if everything else scan.current()


def open_store(where: str | Path | Store | None, plugins: Plugins) -> Store:
    """Open a store by address, through the hook, or else as a folder."""
    if isinstance(where, Store):
        return where
    address = str(where or os.environ.get(STORE_VARIABLE) or "results")
    opened: Store | None = plugins.hook.open_store(uri=address)
    return opened or Store(Path(address))
