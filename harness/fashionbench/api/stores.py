"""Open a store of records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.errors import StoreError
from fashionbench.records.store import Store
from fashionbench.records.store_swap import finish_swap

if TYPE_CHECKING:
    from fashionbench.plugins.manager import Plugins

#: The environment variable that names the store where nobody else does.
STORE_VARIABLE = "FASHIONBENCH_STORE"


def open_store(where: str | Path | Store | None, plugins: Plugins) -> Store:
    """Open a store by address, through the hook, or else as a folder; by default ``./results``.

    :raises LockedError: where its records are just being written anew.
    """
    if isinstance(where, Store):
        return where
    address = str(where or os.environ.get(STORE_VARIABLE) or "results")
    opened: Store | None = plugins.first("open_store", lambda one: isinstance(one, Store), uri=address)
    if opened is None:
        opened = Store(Path(address))
        finish_swap(opened.root)
    return opened


def existing_store(where: str | Path | Store | None, plugins: Plugins) -> Store:
    """Open a store that is there.

    :raises StoreError: where its folder does not exist.
    """
    store = open_store(where, plugins)
    if not store.root.is_dir():
        raise StoreError(f"there is no store at {store.root}", remedy="check the path, or run something first")
    return store
