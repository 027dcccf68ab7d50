"""The folder of this machine for what is fetched from addresses."""

from __future__ import annotations

import os
from pathlib import Path

#: The environment variable that names it.
CACHE_VARIABLE = "FASHIONBENCH_REMOTE_CACHE"


def cache_folder() -> Path:
    """Return the folder of what is fetched: ``$FASHIONBENCH_REMOTE_CACHE``, or one in the user's cache."""
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fashionbench" / "stores"
