"""Open a store of records."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from fashionbench.records.addresses import is_address
from fashionbench.records.remote_store import RemoteStore
from fashionbench.records.store import Store
from fashionbench.records.store_swap import finish_swap

if TYPE_CHECKING:
    from fashionbench.plugins.manager import Plugins

#: The environment variable that names the store where nobody else does.
STORE_VARIABLE = "FASHIONBENCH_STORE"


def open_store(where: str | Path | Store | None, plugins: Plugins) -> Store:
    """Open a store by address, through the hook, or else as a folder; by default ``./results``.

    What is at an address such as ``s3://bucket/results`` is read-only, and fetched when it is needed.

    :raises StoreError: where the client library of an address is not installed.
    :raises LockedError: where its records are just being written anew.
    """
    if isinstance(where, Store):
        return where
    address = str(where or os.environ.get(STORE_VARIABLE) or "results")
    opened: Store | None = plugins.first("open_store", lambda one: isinstance(one, Store), uri=address)
    if opened is None:
        if is_address(address):
            return RemoteStore(address)
        opened = Store(Path(address))
        finish_swap(opened.root)
    return opened


def existing_store(where: str | Path | Store | None, plugins: Plugins) -> Store:
    """Open a store that is there.

    :raises StoreError: where its folder does not exist, or nothing is at its address.
    """
    store = open_store(where, plugins)
    store.check_there()
    return store
