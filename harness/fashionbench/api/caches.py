"""What the cache of a store holds, and making it smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fashionbench.api.stores import existing_store
from fashionbench.errors import ConfigError
from fashionbench.plugins.manager import Plugins
from fashionbench.runner.byte_size import parse_size
from fashionbench.runner.cache_contents import CacheContents, cache_contents
from fashionbench.runner.cache_pruning import LIMIT_VARIABLE, Pruned, limit_of_environment, prune

if TYPE_CHECKING:
    from pathlib import Path

    from fashionbench.records.store import Store


def cache_status(store: str | Path | Store | None = None, *, plugins: Plugins | None = None) -> CacheContents:
    """Say what the cache of embeddings and features of a store holds.

    :raises StoreError: where there is no store, or its cache cannot be read.
    """
    return cache_contents(existing_store(store, plugins or Plugins()).cache)


def prune_cache(
    store: str | Path | Store | None = None, *, limit: int | str | None = None, plugins: Plugins | None = None
) -> Pruned:
    """Remove what was not used for longest from the cache of a store, until it takes no more than a limit.

    :param limit: bytes, or a text such as ``20GB``; by default ``$FASHIONBENCH_CACHE_LIMIT``.
    :raises ConfigError: where there is no limit, or it is no size.
    :raises StoreError: where there is no store, a run uses the cache, or it cannot be made smaller.
    """
    size = parse_size(limit, "--limit") if isinstance(limit, str) else limit
    size = limit_of_environment() if size is None else size
    if size is None:
        raise ConfigError("no limit is given", remedy=f"pass --limit 20GB, or set {LIMIT_VARIABLE}")
    return prune(existing_store(store, plugins or Plugins()).cache, size)
